"""The configuration, read once from the environment into a frozen object."""

from .config import LOG_LEVELS, Config
from .reading import ConfigError, driver_url
from .urls import UrlError, read_postgres, read_redis

__all__ = ["LOG_LEVELS", "Config", "ConfigError", "UrlError", "driver_url", "read_postgres", "read_redis"]
