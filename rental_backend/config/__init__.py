"""The configuration, read once from the environment into a frozen object."""

from .config import LOG_LEVELS, Config
from .reading import ConfigError, driver_url

__all__ = ["LOG_LEVELS", "Config", "ConfigError", "driver_url"]
