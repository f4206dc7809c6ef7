"""The wire forms of users for administrators, read and answered in both spellings."""

import re
from datetime import UTC
from typing import ClassVar

from marshmallow import ValidationError, fields, post_load, validates_schema

from ...fields import Choice, Email, Moment, Phone, Text, Whole
from ...guards import SUPERUSER, guarded
from ...schemas import Envelope, Output, Paging, Payload
from ..access import read_models
from ..auth.schemas import UserSchema
from ..models import User, UserType
from ..schemas import EitherSpelling, Names

SWITCH: dict[object, str] = {True: "USER_ACTIVATE", False: "USER_DEACTIVATE"}


class OwnFields(EitherSpelling):
    """The fields of a user that the user may change; `name` is another name of `full_name`."""

    email = Email()
    full_name = Text(255)
    name = Text(255)
    first_name = Text(100, allow_none=True)
    last_name = Text(100, allow_none=True)
    phone = Phone(20, allow_none=True)
    bio = Text(1000, allow_none=True)
    avatar_url = Text(500, allow_none=True)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Take `name` for `full_name`; forget what there is no place for."""
        if "name" in data:
            data.setdefault("full_name", data.pop("name"))
        return {name: value for name, value in data.items() if name not in {"name", "id", "location_id"}}


class UserFields(OwnFields):
    """The fields of a user that an administrator may change.

    `location_id` is accepted and not stored: users have no location.
    """

    STORED: ClassVar[type] = read_models.User

    username = Text(50, 1)
    user_type = Choice(UserType, metadata=guarded({UserType.SUPERADMIN: SUPERUSER}))
    is_superuser = fields.Boolean(metadata=guarded(SUPERUSER))
    role_id = fields.UUID(allow_none=True, metadata=guarded("ROLE_ASSIGN"))
    location_id = Text(100, allow_none=True)
    direct_permissions = Names(allow_none=True, metadata=guarded("PERMISSION_ASSIGN", stored="grants_by_name"))
    is_active = fields.Boolean(metadata=guarded(SWITCH))
    password = fields.String(allow_none=True)  # what is good enough is for `passwords` to say

    @validates_schema
    def agree(self, data: dict[str, object], **_: object) -> None:
        """Refuse a user name that could be taken for an address, and two opinions about being a superuser."""
        if not re.fullmatch(r"[A-Za-z0-9._-]+", str(data.get("username", "-"))):
            raise ValidationError("Only letters, digits, dots, dashes and underscores.", "username")
        kind, superuser = data.get("user_type"), data.get("is_superuser")
        if kind is not None and superuser is not None and superuser != (kind is UserType.SUPERADMIN):
            raise ValidationError("Contradicts user_type.", "is_superuser")

    @post_load
    def leave_nulls_out(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Forget what is null: no page takes a role, a grant or a password away by that."""
        said = {"role_id", "direct_permissions", "password"}
        return {name: value for name, value in data.items() if value is not None or name not in said}


class NewUser(UserFields):
    """A new user."""

    EXAMPLE: ClassVar = {"password": "velvet lantern orbit 31"}
    STORED: ClassVar[type] = User

    email = Email(required=True)
    password = fields.String(required=True)


class UserChange(UserFields):
    """Changes of a user. Fields that are not sent keep their values."""

    id = fields.UUID()
    password = fields.String(allow_none=True, metadata=guarded("USER_RESET_PASSWORD", stored=""))


class StatusChange(EitherSpelling):
    """Whether a user can sign in, and whether their e-mail address is verified."""

    EXAMPLE: ClassVar = {"is_active": True}
    STORED: ClassVar = User

    is_active = fields.Boolean(metadata=guarded(SWITCH))
    is_verified = fields.Boolean(metadata=guarded("USER_UPDATE"))

    @validates_schema
    def say_something(self, data: dict[str, object], **_: object) -> None:
        """Refuse a change of nothing."""
        if not data:
            raise ValidationError("Missing data for required field.", "is_active")


class UserRow(UserSchema):
    """A user in a list."""

    class Meta:
        exclude = ("effective_permissions", "effectivePermissions")

    role = fields.Raw()  # type: ignore[assignment]
    roles = fields.Raw()  # type: ignore[assignment]
    bio = fields.String()
    avatar_url = fields.String()
    is_verified = fields.Boolean()
    email_verified_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    updatedAt = fields.AwareDateTime(attribute="updated_at")  # noqa: N815


class UserList(Envelope):
    """A part of the list of users, under both names that the pages read."""

    items = fields.List(fields.Nested(UserRow))
    users = fields.List(fields.Nested(UserRow))


class UserDetails(UserRow):
    """A user with roles, direct permissions and sign-ins."""

    direct_permissions = fields.Raw()
    directPermissions = fields.Raw(attribute="direct_permissions")  # noqa: N815
    login_count = fields.Integer()
    loginCount = fields.Integer(attribute="login_count")  # noqa: N815
    location = fields.Raw()
    location_id = fields.Raw(attribute="location")
    locationId = fields.Raw(attribute="location")  # noqa: N815
    created_by = fields.String()
    updated_by = fields.String()


class UserQuery(EitherSpelling, Paging):
    """Filters for the list of users."""

    size = Whole(1, 1000)
    user_type = Choice(UserType)
    is_active = fields.Boolean()

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Take the predecessor's `size` for `page_size`."""
        return {"page_size" if name == "size" else name: value for name, value in data.items()}


class Reason(Payload):
    """A reason for the audit log."""

    reason = Text(1000, allow_none=True)


class Grant(EitherSpelling, Reason):
    """A permission to grant, and when the grant expires: a time without a zone is UTC, a date the end of that day."""

    EXAMPLE: ClassVar = {"permission_code": "CUSTOMER_VIEW"}

    permission_code = Text(100, 1, required=True)
    expires_at = Moment(ends=True, zone=UTC, allow_none=True)


class GrantSchema(Output):
    """A direct permission of a user."""

    id = fields.UUID()
    permissionCode = fields.String(attribute="name")  # noqa: N815
    permission_code = fields.String(attribute="name")
    name = fields.String()
    expiresAt = fields.AwareDateTime(attribute="expires_at")  # noqa: N815
    expires_at = fields.AwareDateTime()
    grantedAt = fields.AwareDateTime(attribute="granted_at")  # noqa: N815
    granted_at = fields.AwareDateTime()
