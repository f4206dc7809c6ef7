"""The status of a component, and the impact of an incident on all of them."""

import enum


class ComponentStatus(enum.StrEnum):
    """The status of a component, each worse than the one before; public status pages use the same names."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED = "degraded_performance"
    PARTIAL = "partial_outage"
    MAJOR = "major_outage"

    @property
    def disrupted(self) -> bool:
        """Whether customers lack something that no operator has ordered."""
        return self.weight > ComponentStatus.UNDER_MAINTENANCE.weight

    @property
    def weight(self) -> int:
        """The rank, from 0."""
        return COMPONENT_STATUSES.index(self)


COMPONENT_STATUSES = tuple(ComponentStatus)


class Impact(enum.StrEnum):
    """How bad an incident is, each worse than the one before."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


IMPACTS = tuple(Impact)
OF_LEVEL = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MINOR,
    ComponentStatus.DEGRADED: Impact.MINOR,
    ComponentStatus.PARTIAL: Impact.MAJOR,
    ComponentStatus.MAJOR: Impact.CRITICAL,
}


def gravest(*impacts: Impact) -> Impact:
    """Return the worst impact; NONE without any."""
    return max(impacts, key=IMPACTS.index, default=Impact.NONE)
