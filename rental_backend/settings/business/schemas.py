"""The wire forms of settings, companies, currency, time zone and the allow-list."""

from marshmallow import fields, post_load

from ...fields import Choice, Text
from ...schemas import Output, Payload
from ..models import SettingCategory


class SignedBy(Payload):
    """The user in whose name the caller acts. It is accepted and ignored: the signed-in user is recorded."""

    updated_by = Text(255)
    started_by = Text(255)
    user_id = Text(255)

    @post_load
    def ignore(self, _: dict[str, object], **__: object) -> dict[str, object]:
        """Return no arguments."""
        return {}


class SettingSchema(Output):
    """A setting. A sensitive setting is answered without its value."""

    id = fields.UUID()
    setting_key = fields.String()
    setting_name = fields.String()
    setting_type = fields.String()
    setting_category = fields.String()
    setting_value = fields.String(attribute="shown_value")
    default_value = fields.String(attribute="shown_default")
    description = fields.String()
    is_system = fields.Boolean()
    is_sensitive = fields.Boolean()
    validation_rules = fields.Raw()
    display_order = fields.String()
    is_active = fields.Boolean()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    updated_by = fields.String()


class SettingQuery(Payload):
    """Filters for the list of settings."""

    category = Choice(SettingCategory)
    include_system = fields.Boolean()


class SettingChange(Payload):
    """A new value, as text or as JSON of the type of the setting."""

    setting_value = fields.Raw(required=True)
