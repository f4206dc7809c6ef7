"""How gunicorn serves the application. Every value has its reason beside it."""

import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from rental_backend.config import Config, ConfigError
from rental_backend.infra.runtime.host import Host, shared_memory
from rental_backend.web.operations.early_health import EarlyHealth
from rental_backend.web.operations.early_logs import JsonFormatter

# What is imported above is imported before the port is open, and so keeps a first answer waiting; all else is below.

try:
    _config = Config.from_environ()
except ConfigError as error:
    raise SystemExit(str(error)) from None

_ordered = Path(_config.journal_folder, "mode.json").exists()  # a mode kept over a restart, see infra/modes.py
_early = EarlyHealth(origins=_config.cors_origins, silent=_ordered or _config.mode != "normal")


def _bind(port: int) -> str:
    """Bind both IP versions by the IPv6 wildcard where there is IPv6, else the IPv4 one; never both."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return f"0.0.0.0:{port}"
    return f"[::]:{port}"


bind = _bind(_config.port)  # private networks may be IPv6 only, the edge comes by IPv4
workers = _config.workers or Host().workers()  # by the quota: the processors shown belong to the whole machine
# Of threads, since requests wait for dependencies most of the time, and none of them waits for a client.
worker_class = "rental_backend.web.operations.http_worker.Worker"
threads = _config.threads
timeout = 30  # a worker silent for that long is replaced
graceful_timeout = (
    30  # seconds for requests in flight at a stop; the platform must wait for them, see deploy/railway.json
)
worker_connections = 1000  # clients of a worker at once; of more, the longest waiting is ended
keepalive = 75  # longer than the edge keeps an idle connection (60 s), so that it is never we who hang up on it
# D64: replaced after 20,000 requests.
max_requests = 20_000  # against leaks; seldom, since a new worker has yet to fill its pools and its store
max_requests_jitter = 4_000  # so that the workers do not leave together
backlog = 2048  # connections that wait while workers are busy or replaced
worker_tmp_dir = shared_memory()  # the heartbeat must not wait for a disk
# D130: of what any peer can send, only the scheme is taken, in the header that the edge sets itself.
forwarded_allow_ips = "*"  # the edge's address is not known, and X-Forwarded-Proto decides nothing but links
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}  # two that contradict each other would be refused
forwarder_headers = ""  # no SCRIPT_NAME and no PATH_INFO: a client chooses no other path than the one that is logged
header_map = "drop"  # nor any other variable that a name with an underscore would be
control_socket_disable = True  # not used, and breaks on a read-only home
accesslog = None  # the application writes one line for each request itself
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"early": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"level": _config.log_level, "handlers": ["early"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True, "qualname": "gunicorn.error"}},
}


def when_ready(server: Any) -> None:
    """Import the application: once for all workers, and one page for their breakers; nothing connects before the fork.

    The port is open by now, so `/health` is answered meanwhile, and requests for anything else wait. After a
    SIGUSR2 the workers of before still answer. A signal to end need not wait for the import.
    """

    def end(number: int, frame: Any) -> None:
        server.signal(number, frame)  # heard afterwards, too: in a callback of the import, an exception is lost
        raise KeyboardInterrupt

    try:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, end)
        with _early.answering(() if server.master_pid else server.LISTENERS):
            server.app.wsgi()
        server.init_signals()
    except KeyboardInterrupt:
        server.halt()


def on_reload(_server: Any) -> None:
    """Set logging up again, which gunicorn has undone by reading this file anew at a SIGHUP."""
    from rental_backend.web.middleware import logs

    logs.configure(_config.log_level)


def pre_fork(_server: Any, worker: Any) -> None:
    """Have all workers but the first share what is made of the tables, for which a first query would wait 0.1 s.

    The first answers `/health` meanwhile, and makes its own as it warms up; its replacement shares.
    """
    if worker.age > 1:
        from sqlalchemy.orm import configure_mappers

        configure_mappers()
        gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Start what belongs to one worker: its probes and threads do not survive a fork, so they begin after it.

    Its pools open connections only now, and the shared memory gives each child its own worker slot at the fork.
    """
    from rental_backend.web.operations.http_worker import Bounds

    services = worker.wsgi.extensions["services"]
    worker.bounds = Bounds(patience=_config.client_patience, body=_config.max_body_bytes)
    services.lifecycle.ends_when(lambda: not worker.alive)
    services.start()
    services.warmup.wait()
    _early.hand_over(worker)


def pre_request(worker: Any, request: Any) -> None:
    """Have a draining instance announce the end of each connection, so that nobody sends another request on it."""
    if worker.wsgi.extensions["services"].lifecycle.draining:
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
