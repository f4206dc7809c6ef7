"""The past of the components that customers know: how long each was in which state, and what incidents there were.

None of it needs a dependency. All workers of a host share one document in memory; whichever comes first looks at the
components every two seconds, and now and then keeps the document in a file, so that it survives a restart. Where the
database is there, instances tell it what they saw, and each other through it; so it survives the disk, too.
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
