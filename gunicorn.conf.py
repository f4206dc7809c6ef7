"""How gunicorn serves the application. Every value has its reason beside it."""

import socket
from typing import Any

from rental_backend.config import Config, ConfigError

try:
    _config = Config.from_environ()
except ConfigError as error:
    raise SystemExit(str(error)) from None


def _bind(port: int) -> str:
    """Bind both IP versions by the IPv6 wildcard where there is IPv6, else the IPv4 one; never both."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return f"0.0.0.0:{port}"
    return f"[::]:{port}"


bind = _bind(_config.port)
workers = _config.workers  # WEB_CONCURRENCY; the host shows more processors than the plan grants, so never counted
worker_class = "gthread"  # requests wait for the network most of the time
threads = _config.threads
preload_app = True  # one import for all workers; nothing connects before the fork
timeout = 30  # a worker silent for that long is replaced
graceful_timeout = 20  # seconds for requests in flight at a stop
keepalive = 75  # longer than the edge keeps an idle connection (60 s)
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the heartbeat must not wait for a disk
forwarded_allow_ips = "*"  # only the edge reaches the container
control_socket_disable = True  # not used, and breaks on a read-only home
accesslog = None  # the application writes one line for each request itself
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": _config.log_level, "handlers": []},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True, "qualname": "gunicorn.error"}},
}


def post_worker_init(worker: Any) -> None:
    """Start the probes of this worker; threads do not survive the fork."""
    worker.wsgi.extensions["dependencies"].start()
