"""The settings and the company that a system begins with."""

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ...models import added
from ..models import Company, SystemSetting
from .defaults import COMPANY, DEFAULTS

# Where the predecessor filed these four, the page that changes them neither finds them nor may change them.
REFILED = (SystemSetting.setting_category, SystemSetting.is_system)


def add_settings(session: Session) -> int:
    """Store those settings that are missing and return how many.

    A changed value, name or description stays; where a setting is filed, and whether anybody may change it, is for the
    code to say.
    """
    rows = [each.row(position) for position, each in enumerate(DEFAULTS, 1)]
    count = len(added(session, SystemSetting.setting_key, rows))
    upsert = insert(SystemSetting).values(rows)
    declared = {each.key: upsert.excluded[each.key] for each in REFILED}
    changed = or_(*(each.is_distinct_from(declared[each.key]) for each in REFILED))
    session.execute(upsert.on_conflict_do_update(index_elements=["setting_key"], set_=declared, where=changed))
    return count


def add_company(session: Session) -> int:
    """Store a company to be renamed, if there is none, and return whether it was needed."""
    if session.scalars(select(Company.id).limit(1)).first():
        return 0
    return len(added(session, Company.company_name, [{"company_name": COMPANY}]))
