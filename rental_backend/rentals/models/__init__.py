"""The tables of rentals; a rental itself is a transaction."""

from .extensions import ExtensionType, RentalExtension, RentalExtensionLine
from .returns import (
    InspectedCondition,
    RentalInspection,
    RentalItemInspection,
    RentalLifecycle,
    RentalReturnEvent,
    ReturnCondition,
    ReturnEventType,
    ReturnLineDetail,
)
from .status_log import RentalStatusLog, StatusChangeReason

__all__ = [
    "ExtensionType",
    "InspectedCondition",
    "RentalExtension",
    "RentalExtensionLine",
    "RentalInspection",
    "RentalItemInspection",
    "RentalLifecycle",
    "RentalReturnEvent",
    "RentalStatusLog",
    "ReturnCondition",
    "ReturnEventType",
    "ReturnLineDetail",
    "StatusChangeReason",
]
