"""Lists of who is worth most, and of what was done with whom."""

from sqlalchemy import or_

from ...parties.models import Customer
from ...schemas import Paging
from ...transactions.models import TransactionHeader, TransactionType
from ...web.query.envelopes import paginated
from ...web.query.listing import Listing
from . import service as parties
from .schemas import CustomerBrief, CustomerTransaction, SupplierPurchase

NEWEST = (TransactionHeader.transaction_date.desc(), TransactionHeader.id.desc())
TOP_CUSTOMERS = Listing(
    Customer,
    CustomerBrief,
    order=(Customer.lifetime_value.desc(), Customer.id.desc()),
    where=(Customer.is_active, Customer.lifetime_value > 0),
)
HISTORY = Listing(
    TransactionHeader,
    CustomerTransaction,
    order=NEWEST,
    query=Paging,
    filters=("customer_id",),
    where=(or_(*map(TransactionHeader.transaction_type.__eq__, parties.SOLD)), TransactionHeader.is_active),
    envelope=paginated("transactions"),
)
PURCHASES = Listing(
    TransactionHeader,
    SupplierPurchase,
    order=NEWEST,
    query=Paging,
    filters=("supplier_id",),
    where=(TransactionHeader.transaction_type == TransactionType.PURCHASE, TransactionHeader.is_active),
    envelope=paginated("transactions"),
)
