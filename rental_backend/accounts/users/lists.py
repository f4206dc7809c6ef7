"""The lists of users, and of their direct permissions."""

from ...web.query.envelopes import named
from ...web.query.listing import Listing
from ..access.read_models import Grant, User
from .schemas import GrantSchema, UserList, UserQuery, UserRow

_user = User.__table__.c
USERS = Listing(
    User,
    UserRow,
    order=(_user.created_at.desc(), _user.id.desc()),
    query=UserQuery,
    search=(_user.username, _user.email, _user.full_name),
    filters=("user_type",),
    envelope=named(UserList),
)
GRANTS = Listing(Grant, GrantSchema, order=(Grant.__table__.c.name.asc(),), filters=("user_id",))
