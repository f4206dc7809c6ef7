"""The wire forms of accounts. The frontend reads most fields in two spellings; both are given."""

from typing import ClassVar, cast

from marshmallow import fields

from ...fields import Text
from ...schemas import Output, Payload
from .service import Profile


class Credentials(Payload):
    """The credentials of a user. `username` may be an e-mail address. `remember_me` is accepted and changes nothing."""

    username = Text(255, required=True)
    password = fields.String(required=True)
    remember_me = fields.Boolean()


class RefreshRequest(Payload):
    """A refresh token that is exchanged for an access token."""

    refresh_token = Text(8192, required=True)


class SigningOut(Payload):
    """The session to end: the session of the refresh token, or without one the session of the access token."""

    refresh_token = Text(4096)


class Forgotten(Payload):
    """The user who has forgotten a password, by user name or e-mail address."""

    username = Text(255, required=True)


class Redemption(Payload):
    """A reset token and the new password."""

    EXAMPLE: ClassVar = {"new_password": "velvet lantern orbit 31"}

    token = Text(200, required=True)
    new_password = fields.String(required=True)


class PasswordChange(Payload):
    """The current and the new password."""

    EXAMPLE: ClassVar = {"new_password": "velvet lantern orbit 31"}

    current_password = fields.String(required=True)
    new_password = fields.String(required=True)


class NewPassword(Payload):
    """A password set by an administrator."""

    EXAMPLE: ClassVar = {"password": "velvet lantern orbit 31"}

    password = fields.String(required=True)


class Keeping(Payload):
    """Whether the session of the caller is kept."""

    except_current = fields.Boolean()


class MessageSchema(Output):
    """A sentence for the user."""

    message = fields.String()


class EndedSchema(Output):
    """The number of sessions that were ended."""

    ended = fields.Integer()


class ResetTokenSchema(Output):
    """A reset token and when it expires."""

    token = fields.String()
    expires_at = fields.AwareDateTime()


class SessionSchema(Output):
    """A session, as the user page of the frontend shows it."""

    id = fields.UUID(attribute="row.id")
    ipAddress = fields.String(attribute="row.ip_address")  # noqa: N815
    userAgent = fields.String(attribute="row.user_agent")  # noqa: N815
    createdAt = fields.AwareDateTime(attribute="row.created_at")  # noqa: N815
    lastActivity = fields.Function(lambda it: (it["row"].last_used_at or it["row"].created_at).isoformat())  # noqa: N815
    expiresAt = fields.AwareDateTime(attribute="row.expires_at")  # noqa: N815
    isActive = fields.Boolean(attribute="row.is_active")  # noqa: N815
    isCurrent = fields.Boolean(attribute="is_current")  # noqa: N815


class PermissionSet(Output):
    """Effective permissions, in both spellings."""

    all_permissions = fields.List(fields.String())
    allPermissions = fields.List(fields.String(), attribute="all_permissions")  # noqa: N815


class RoleName(Output):
    """The role that the frontend looks at, by name."""

    name = fields.String()


class UserSchema(Output):
    """A user, as the frontend keeps them."""

    id = fields.UUID()
    username = fields.String()
    email = fields.String()
    name = fields.String(attribute="full_name")
    full_name = fields.String()
    first_name = fields.String()
    firstName = fields.String(attribute="first_name")  # noqa: N815
    last_name = fields.String()
    lastName = fields.String(attribute="last_name")  # noqa: N815
    phone = fields.String()
    user_type = fields.String()
    userType = fields.String(attribute="user_type")  # noqa: N815
    is_superuser = fields.Boolean()
    isSuperuser = fields.Boolean(attribute="is_superuser")  # noqa: N815
    is_active = fields.Boolean()
    isActive = fields.Boolean(attribute="is_active")  # noqa: N815
    last_login = fields.AwareDateTime()
    lastLogin = fields.AwareDateTime(attribute="last_login")  # noqa: N815
    created_at = fields.AwareDateTime()
    createdAt = fields.AwareDateTime(attribute="created_at")  # noqa: N815
    role = fields.Nested(RoleName)
    roles = fields.List(fields.String())
    effective_permissions = fields.Nested(PermissionSet)
    effectivePermissions = fields.Nested(PermissionSet, attribute="effective_permissions")  # noqa: N815

    def get_attribute(self, obj: object, attr: str, default: object) -> object:
        """Read from a `Profile`: the columns of the user, and what belongs to the user."""
        profile = cast(Profile, obj)
        match attr:
            case "roles":
                return list(profile.roles)
            case "role":
                return {"name": profile.roles[0]} if profile.roles else None
            case "effective_permissions":
                return {"all_permissions": list(profile.permissions)}
        return getattr(profile.user, attr, default)


class SignedInSchema(Output):
    """The tokens and the user of a new session."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.Constant("bearer")
    expires_in = fields.Integer()
    expires_at = fields.Integer()
    user = fields.Nested(UserSchema, attribute="profile")


class RefreshedSchema(Output):
    """A new access token."""

    access_token = fields.String()
    token_type = fields.Constant("bearer")
    expires_in = fields.Integer()
    offline = fields.Boolean()
    expires_at = fields.Integer()
