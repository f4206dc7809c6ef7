"""How gunicorn serves the application. Every value has its reason beside it."""

import gc

gc.disable()  # while so much is imported; see wsgi.py

import logging  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from sqlalchemy.orm import configure_mappers  # noqa: E402

from rental_backend.config import Config, ConfigError  # noqa: E402
from rental_backend.infra.runtime.host import Host, shared_memory  # noqa: E402
from rental_backend.infra.runtime.lifecycle import Phase  # noqa: E402
from rental_backend.web.middleware import logs  # noqa: E402

gc.enable()

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


bind = _bind(_config.port)  # private networks may be IPv6 only, the edge comes by IPv4
workers = _config.workers or Host().workers()  # by the quota: the processors shown are those of the whole machine
worker_class = "gthread"  # requests wait for the network most of the time
threads = _config.threads
preload_app = True  # one import for all workers, and one page for their breakers; nothing connects before the fork
timeout = 30  # a worker silent for that long is replaced
graceful_timeout = (
    30  # seconds for requests in flight at a stop; the platform must wait for them, see deploy/railway.json
)
keepalive = 75  # longer than the edge keeps an idle connection (60 s), so that it is never we who hang up on it
# D64: replaced after 20,000 requests.
max_requests = 20_000  # against leaks; seldom, since a new worker has yet to fill its pools and its store
max_requests_jitter = 4_000  # so that the workers do not leave together
backlog = 2048  # connections that wait while workers are busy or replaced
worker_tmp_dir = shared_memory()  # the heartbeat must not wait for a disk
forwarded_allow_ips = "*"  # only the edge reaches the container
control_socket_disable = True  # not used, and breaks on a read-only home
accesslog = None  # the application writes one line for each request itself
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": _config.log_level, "handlers": []},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True, "qualname": "gunicorn.error"}},
}


def on_reload(_server: Any) -> None:
    """Set logging up again, which gunicorn has undone by reading this file anew at a SIGHUP."""
    logs.configure(_config.log_level)


def pre_fork(_server: Any, worker: Any) -> None:
    """Have all workers but the first share what is made of the tables, for which a first query would wait 0.1 s.

    The first answers `/health` meanwhile, and makes its own as it warms up; whoever replaces it shares.
    """
    if worker.age > 1:
        configure_mappers()
        gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Start what belongs to one worker: its probes and threads do not survive a fork, so they begin after it.

    Its pools open connections only now, and the shared page gives each child a lane of its own when it is forked.
    """
    services = worker.wsgi.extensions["services"]
    services.lifecycle.ends_when(lambda: not worker.alive)
    services.start()
    services.warmup.wait()


def pre_request(worker: Any, request: Any) -> None:
    """Have a draining instance announce the end of each connection, so that nobody sends another request on it."""
    if worker.wsgi.extensions["services"].lifecycle.phase is Phase.DRAINING:
        request.force_close()


# D79: a worker ends by _exit.
def worker_exit(_server: Any, worker: Any) -> None:
    """Give the connections of an ending worker back, rather than leave them to the server to find out, and end it.

    Python would take everything apart first, which copies the memory shared with the master page by page (3 s where
    processors are scarce), and wait for threads that may never end.
    """
    application = getattr(worker, "wsgi", None)  # none if it did not get that far
    if application:
        application.extensions["services"].stop()
    if worker.pid == os.getpid():  # the master calls this, too, for a worker that it finds gone
        end = sys.exc_info()[1]
        code = end.code if isinstance(end, SystemExit) else 1
        logging.shutdown()
        os._exit(code if isinstance(code, int) else 1)
