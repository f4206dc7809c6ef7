"""The shapes of the status page, and of incidents as operators write them."""

from marshmallow import fields, validate

from ...fields import Text
from ...infra import status_history as uptime
from ...infra.status_history import ComponentStatus, Impact, IncidentStatus
from ...schemas import Output, Payload
from .components import names

LONGEST_NAME, LONGEST_TEXT = 120, 2000


class PageAnswer(Output):
    """The status page."""

    id = fields.String()
    name = fields.String()
    url = fields.String()
    time_zone = fields.String()
    updated_at = fields.DateTime()


class StatusAnswer(Output):
    """The overall status."""

    indicator = fields.Enum(Impact, by_value=True)
    description = fields.String()


class BucketAnswer(Output):
    """An hour or a day: its worst state, and the share of the observed time in which nothing was refused."""

    start = fields.DateTime()
    status = fields.Enum(ComponentStatus, by_value=True, allow_none=True)
    uptime = fields.Float(allow_none=True)
    observed_seconds = fields.Integer()


class PeriodAnswer(Output):
    """The history of a component, oldest bucket first. A bucket without observations is null."""

    uptime = fields.Float(allow_none=True)
    buckets = fields.List(fields.Nested(BucketAnswer))


class HistoryAnswer(Output):
    """The last 24 hours and the last 90 days."""

    day = fields.Nested(PeriodAnswer)
    quarter = fields.Nested(PeriodAnswer)


class ComponentAnswer(Output):
    """A part of the service, as customers know it."""

    id = fields.String()
    page_id = fields.String()
    name = fields.String()
    description = fields.String()
    status = fields.Enum(ComponentStatus, by_value=True)
    position = fields.Integer()
    group = fields.Boolean()
    group_id = fields.String(allow_none=True)
    showcase = fields.Boolean()
    only_show_if_degraded = fields.Boolean()
    updated_at = fields.DateTime()
    history = fields.Nested(HistoryAnswer)


class UpdateAnswer(Output):
    """An update of an incident."""

    id = fields.UUID()
    incident_id = fields.UUID()
    status = fields.Enum(IncidentStatus, by_value=True)
    body = fields.String()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    display_at = fields.DateTime()


class NamedAnswer(Output):
    """A component, by id and name."""

    id = fields.String()
    name = fields.String()


class IncidentAnswer(Output):
    """An incident with its updates, newest first."""

    id = fields.UUID()
    page_id = fields.String()
    name = fields.String()
    status = fields.Enum(IncidentStatus, by_value=True)
    impact = fields.Enum(Impact, by_value=True)
    created_at = fields.DateTime()
    started_at = fields.DateTime()
    updated_at = fields.DateTime()
    monitoring_at = fields.DateTime(allow_none=True)
    resolved_at = fields.DateTime(allow_none=True)
    components = fields.List(fields.Nested(NamedAnswer))
    incident_updates = fields.List(fields.Nested(UpdateAnswer))


class MaintenanceAnswer(Output):
    """A maintenance in progress."""

    id = fields.UUID()
    page_id = fields.String()
    name = fields.String()
    status = fields.String()
    impact = fields.String()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    scheduled_for = fields.DateTime()
    scheduled_until = fields.DateTime(allow_none=True)
    components = fields.List(fields.Nested(NamedAnswer))
    incident_updates = fields.List(fields.Nested(UpdateAnswer))


class SummaryAnswer(Output):
    """The status of the service now and its history, as clients of status pages read it."""

    page = fields.Nested(PageAnswer)
    status = fields.Nested(StatusAnswer)
    components = fields.List(fields.Nested(ComponentAnswer))
    incidents = fields.List(fields.Nested(IncidentAnswer))
    scheduled_maintenances = fields.List(fields.Nested(MaintenanceAnswer))
    past_incidents = fields.List(fields.Nested(IncidentAnswer))


class SteeredUpdate(UpdateAnswer):
    """An update of an incident with its author, who is empty for updates of the program."""

    author = fields.String()


class SteeredIncident(IncidentAnswer):
    """An incident, as operators see it: whether it closes by itself, and whether customers see it."""

    automatic = fields.Boolean()
    shown = fields.Boolean()
    incident_updates = fields.List(fields.Nested(SteeredUpdate))


class SteeredIncidents(Output):
    """All incidents, and the components that an incident can concern."""

    incidents = fields.List(fields.Nested(SteeredIncident))
    components = fields.List(fields.Nested(NamedAnswer))


class IncidentChange(Payload):
    """A new name or a new impact of an incident."""

    name = Text(LONGEST_NAME, 1)
    impact = fields.String(validate=validate.OneOf([each.value for each in uptime.IMPACTS]))


class Announcement(Payload):
    """The text that customers read about an incident, and its status. `resolved` closes the incident."""

    status = fields.String(required=True, validate=validate.OneOf([each.value for each in IncidentStatus]))
    body = Text(LONGEST_TEXT, 1, required=True)


class OneOfComponents(validate.OneOf):
    """Refuses what is no component of the application that is asked."""

    def __init__(self) -> None:
        self.error, self.labels, self.labels_text = self.default_message, (), ""

    @property
    def choices(self) -> list[str]:  # type: ignore[override]
        """The ids of the components."""
        return sorted(names())

    @property
    def choices_text(self) -> str:  # type: ignore[override]
        """The same as a message lists them."""
        return ", ".join(self.choices)


class NewIncident(Announcement):
    """A new incident. An operator closes it."""

    name = Text(LONGEST_NAME, 1, required=True)
    impact = fields.String(required=True, validate=validate.OneOf([each.value for each in uptime.IMPACTS]))
    components = fields.List(fields.String(validate=OneOfComponents()), load_default=list)
