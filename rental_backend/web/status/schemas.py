"""The shape of what status pages tell, and what operators say about incidents."""

from marshmallow import fields, validate

from ...infra import status_history as uptime
from ...infra.status_history import Impact, Level, Status
from ...schemas import Answer, Payload, Text
from .components import NAMES

LONGEST_NAME, LONGEST_TEXT = 120, 2000


class PageAnswer(Answer):
    """Whose status it is."""

    id = fields.String()
    name = fields.String()
    url = fields.String()
    time_zone = fields.String()
    updated_at = fields.DateTime()


class StatusAnswer(Answer):
    """How it is on the whole."""

    indicator = fields.Enum(Impact, by_value=True)
    description = fields.String()


class BucketAnswer(Answer):
    """An hour or a day: the worst state in it, and the share of the observed time in which nothing was refused."""

    start = fields.DateTime()
    status = fields.Enum(Level, by_value=True, allow_none=True)
    uptime = fields.Float(allow_none=True)
    observed_seconds = fields.Integer()


class PeriodAnswer(Answer):
    """The history of a component, the oldest bucket first; null where nobody looked."""

    uptime = fields.Float(allow_none=True)
    buckets = fields.List(fields.Nested(BucketAnswer))


class HistoryAnswer(Answer):
    """The last 24 hours, and the last 90 days."""

    day = fields.Nested(PeriodAnswer)
    quarter = fields.Nested(PeriodAnswer)


class ComponentAnswer(Answer):
    """A part of the service as customers know it."""

    id = fields.String()
    page_id = fields.String()
    name = fields.String()
    description = fields.String()
    status = fields.Enum(Level, by_value=True)
    position = fields.Integer()
    group = fields.Boolean()
    group_id = fields.String(allow_none=True)
    showcase = fields.Boolean()
    only_show_if_degraded = fields.Boolean()
    updated_at = fields.DateTime()
    history = fields.Nested(HistoryAnswer)


class UpdateAnswer(Answer):
    """Something said about an incident."""

    id = fields.UUID()
    incident_id = fields.UUID()
    status = fields.Enum(Status, by_value=True)
    body = fields.String()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    display_at = fields.DateTime()


class NamedAnswer(Answer):
    """A component by its name."""

    id = fields.String()
    name = fields.String()


class IncidentAnswer(Answer):
    """An incident, with all that was said about it, the newest first."""

    id = fields.UUID()
    page_id = fields.String()
    name = fields.String()
    status = fields.Enum(Status, by_value=True)
    impact = fields.Enum(Impact, by_value=True)
    created_at = fields.DateTime()
    started_at = fields.DateTime()
    updated_at = fields.DateTime()
    monitoring_at = fields.DateTime(allow_none=True)
    resolved_at = fields.DateTime(allow_none=True)
    components = fields.List(fields.Nested(NamedAnswer))
    incident_updates = fields.List(fields.Nested(UpdateAnswer))


class MaintenanceAnswer(Answer):
    """A maintenance that is under way."""

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


class SummaryAnswer(Answer):
    """How the service works now and has worked, as clients of status pages read it."""

    page = fields.Nested(PageAnswer)
    status = fields.Nested(StatusAnswer)
    components = fields.List(fields.Nested(ComponentAnswer))
    incidents = fields.List(fields.Nested(IncidentAnswer))
    scheduled_maintenances = fields.List(fields.Nested(MaintenanceAnswer))
    past_incidents = fields.List(fields.Nested(IncidentAnswer))


class SteeredUpdate(UpdateAnswer):
    """Something said about an incident, and by whom: empty for the program."""

    author = fields.String()


class SteeredIncident(IncidentAnswer):
    """An incident as operators see it: whether it closes by itself, and whether customers see it."""

    automatic = fields.Boolean()
    shown = fields.Boolean()
    incident_updates = fields.List(fields.Nested(SteeredUpdate))


class SteeredIncidents(Answer):
    """All incidents, and the components that one may concern."""

    incidents = fields.List(fields.Nested(SteeredIncident))
    components = fields.List(fields.Nested(NamedAnswer))


class IncidentChange(Payload):
    """A new name of an incident, or how bad it is."""

    name = Text(LONGEST_NAME, 1)
    impact = fields.String(validate=validate.OneOf([each.value for each in uptime.IMPACTS]))


class Announcement(Payload):
    """What customers are to read about an incident, and how far it is. `resolved` closes it."""

    status = fields.String(required=True, validate=validate.OneOf([each.value for each in Status]))
    body = Text(LONGEST_TEXT, 1, required=True)


class NewIncident(Announcement):
    """An incident to be opened by hand: it is closed by hand, too."""

    name = Text(LONGEST_NAME, 1, required=True)
    impact = fields.String(required=True, validate=validate.OneOf([each.value for each in uptime.IMPACTS]))
    components = fields.List(fields.String(validate=validate.OneOf(sorted(NAMES))), load_default=list)
