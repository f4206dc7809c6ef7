"""The private servers that `deploy/run` and the tests use."""

from deploy.private.postgres import PostgresServer
from deploy.private.process import ServerError
from deploy.private.redis import RedisServer

__all__ = ["PostgresServer", "RedisServer", "ServerError"]
