"""The backend of an equipment-rental company that keeps answering when its dependencies do not."""

__version__ = "0.1.0"
