"""The status history of the components that customers know: how long each had which status, and the incidents.

None of it needs a dependency. All workers of a host share one document in memory. Every two seconds one of them
observes the components, and now and then writes the document to a file, so that it survives a restart. While the
database is available, instances exchange what they observed through it, so the history also survives the disk.
"""

from .buckets import DAY, HOUR, Bar, Kind, bars, uptime
from .incidents import MOST_UPDATES, Incident, IncidentStatus, Update, open_incident, visible
from .levels import COMPONENT_STATUSES, IMPACTS, OF_LEVEL, ComponentStatus, Impact, gravest
from .recorder import StatusRecorder, TooManyIncidents
from .state import StatusHistory

__all__ = [
    "COMPONENT_STATUSES",
    "DAY",
    "HOUR",
    "IMPACTS",
    "MOST_UPDATES",
    "OF_LEVEL",
    "Bar",
    "ComponentStatus",
    "Impact",
    "Incident",
    "IncidentStatus",
    "Kind",
    "StatusHistory",
    "StatusRecorder",
    "TooManyIncidents",
    "Update",
    "bars",
    "gravest",
    "open_incident",
    "uptime",
    "visible",
]
