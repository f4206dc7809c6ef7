"""The wire forms of roles and permissions."""

from itertools import chain
from typing import ClassVar

from marshmallow import fields, post_load, validate

from ...fields import Text
from ...guards import guarded
from ...schemas import Envelope, Output, Paging, Payload
from ..access import read_models
from ..models import RiskLevel
from ..schemas import EitherSpelling, Ids, Names

PERMISSIONS = guarded("ROLE_ASSIGN_PERMISSION", stored="permissions_by_name")


class RoleFields(EitherSpelling):
    """The fields of a role; permissions are given by name or id, under any of three names."""

    description = Text(1000, allow_none=True)
    template = Text(50, allow_none=True)
    permissions = Names(allow_none=True)
    permission_ids = Names(allow_none=True)
    permission_codes = Names(allow_none=True)
    is_active = fields.Boolean()
    is_system_role = fields.Boolean(validate=validate.Equal(False))

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave `permissions` if any were sent, even none at all."""
        data.pop("is_system_role", None)
        sent = [data.pop(name, None) for name in ("permissions", "permission_ids", "permission_codes")]
        lists = [each for each in sent if isinstance(each, list)]
        return {**data, "permissions": [*chain(*lists)]} if lists else data


class NewRole(RoleFields):
    """A new role."""

    name = Text(50, 1, required=True)


class RoleChange(RoleFields):
    """Changes of a role. Fields that are not sent keep their values."""

    STORED: ClassVar = read_models.Role

    name = Text(50, 1)
    permissions = Names(allow_none=True, metadata=PERMISSIONS)
    permission_ids = Names(allow_none=True, metadata=PERMISSIONS)
    permission_codes = Names(allow_none=True, metadata=PERMISSIONS)


class RoleName(Payload):
    """The name of a new role."""

    name = Text(50, 1, required=True)


class RolePermissions(EitherSpelling):
    """Permissions to add to a role or to remove from it, by name or id."""

    EXAMPLE: ClassVar = {"permission_ids": ["CUSTOMER_VIEW"]}

    permission_ids = Names(required=True)


class RoleQuery(EitherSpelling, Paging):
    """Filters for lists of roles."""

    is_active = fields.Boolean()
    is_system = fields.Boolean()
    include_system = fields.Boolean()
    template = Text(50)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave out the roles of the system if they are not to be included."""
        if data.pop("include_system", True) is False:
            data["is_system"] = False
        return data


class RoleSchema(Output):
    """A role."""

    id = fields.UUID()
    name = fields.String()
    description = fields.String()
    template = fields.String()
    permissions = fields.Raw()
    permission_count = fields.Integer()
    user_count = fields.Integer()
    can_be_deleted = fields.Boolean()
    is_system = fields.Boolean(attribute="is_system_role")
    is_system_role = fields.Boolean()
    isSystem = fields.Boolean(attribute="is_system_role")  # noqa: N815
    is_active = fields.Boolean()
    isActive = fields.Boolean(attribute="is_active")  # noqa: N815
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class PermissionQuery(Paging):
    """Filters for lists of permissions."""

    resource = Text(50)
    risk_level = fields.String(validate=validate.OneOf(list(RiskLevel)))


class PermissionSchema(Output):
    """A permission."""

    id = fields.UUID()
    name = fields.String()
    description = fields.String()
    resource = fields.String()
    action = fields.String()
    risk_level = fields.String()
    is_system_permission = fields.Boolean()
    is_active = fields.Boolean()
    usage_count = fields.Integer()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class CategorySchema(Output):
    """The permissions of a resource."""

    name = fields.String()
    description = fields.String()
    resource = fields.String()
    permissions = fields.Raw()
    total_permissions = fields.Integer()


class TemplateSchema(Output):
    """A template for new roles."""

    name = fields.String()
    description = fields.String()
    category = fields.String()
    permissions = fields.List(fields.String())
    recommended_for = fields.List(fields.String())


class PermissionCheck(Payload):
    """A user and the permissions to check. `resource` is accepted and changes nothing."""

    user_id = fields.UUID(required=True)
    permissions = Names(required=True)
    resource = Text(100, allow_none=True)


class BulkAssignment(Payload):
    """Users, and the roles to add to them, to remove from them, or to leave as their only roles."""

    user_ids = Ids(required=True)
    role_ids = Ids(required=True)
    action = fields.String(validate=validate.OneOf(["add", "remove", "replace"]), load_default="add")


class RoleList(Envelope):
    """Roles, as the users page reads them."""

    roles = fields.List(fields.Nested(RoleSchema))
