"""What a thread of a worker does: it answers a request that is here, as far as the client takes the answer."""

import errno
from collections.abc import Generator
from datetime import datetime

from gunicorn.http import errors, wsgi
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from ..middleware.request_ids import request_id
from .http_connection import Connection, Outlet
from .http_refusals import BROKEN, page, refusal


class AnsweringWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker of threads, whose own refusals are problem documents, and whose log repeats nothing sent."""

    alive: bool
    worker_connections: int

    def handle(self, conn: Connection) -> bool | None:
        """Answer in a thread, as far as the client takes it; returns what `finish_request` goes on with."""
        if conn.answer is None:
            conn.answer = self._answer(conn)
        try:
            next(conn.answer)
        except StopIteration as end:
            conn.answer = None
            return bool(end.value)
        return None

    def _answer(self, conn: Connection) -> Generator[None, None, bool]:
        """Answer; yield whenever the client has to take more first. Returns whether another request may follow."""
        request = conn.request
        try:
            request = request or next(conn.parser)
            kept = yield from self._respond(request, conn)
            return kept and conn.is_read()
        except (errors.NoMoreData, StopIteration):
            self.log.debug("a connection ended before a request")
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                self.log.exception("a connection failed")
        except Exception as error:
            self.handle_error(request, conn.outlet, conn.client, error)
        return False

    def _respond(self, request: Request, conn: Connection) -> Generator[None, None, bool]:
        """Have the application answer a request, and send what it says as it says it."""
        self.cfg.pre_request(self, request)
        began = datetime.now()
        response, environ = wsgi.create(request, conn.outlet, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        if not self._counts_on() or not self.cfg.keepalive:
            response.force_close()
        parts = self.wsgi(environ, response.start_response)
        try:
            for part in parts:
                response.write(part)
                while not conn.outlet.flush():
                    yield
            response.close()
            while not conn.outlet.flush():
                yield
        except Exception as error:
            if isinstance(error, OSError) or not response.headers_sent:
                raise
            self.log.exception("an answer was broken off")
            return False
        finally:
            if hasattr(parts, "close"):
                parts.close()
            if self.cfg.accesslog:
                self.log.access(response, request, environ, datetime.now() - began)
        return not response.should_close()

    def _counts_on(self) -> bool:
        """Count a request, and tell whether this worker goes on after it."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return self.alive

    def handle_error(self, req: object, client: Outlet, addr: object, exc: BaseException) -> None:  # noqa: ARG002
        """Refuse a request that cannot be read, or on which the application failed. What was sent is not logged."""
        said, given = refusal(exc), dict(getattr(req, "headers", None) or ())
        name = request_id(given.get("X-REQUEST-ID"))
        if said is BROKEN:
            asked = f"{getattr(req, 'method', None) or 'a request'} {getattr(req, 'path', '')}".rstrip()
            self.log.error("request %s failed outside of the application: %s", name, asked, exc_info=exc)
        else:
            self.log.warning("request %s refused as %s (%s)", name, said.status, type(exc).__name__)
        try:
            client.sendall(page(said, name))
            client.flush()
        except OSError:  # they have gone
            self.log.debug("the refusal of request %s was not sent", name)
