"""What the public meets: the programs of live deployments behind a pretended edge, and the router before slots."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from .world import Row, Service, World

Reply = tuple[int, dict[str, str], bytes]
DEPENDENCIES = ("database", "redis", "auth")
NOT_FOUND = (404, {"Content-Type": "text/html"}, b"<h1>Application not found</h1>")
NOT_REACHED = (502, {"Content-Type": "text/html"}, b"<h1>Application failed to respond</h1>")
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, x-request-id",
    "Access-Control-Max-Age": "600",
}


class Edge:
    """Serves each service at an address of its own on the loopback network, as `http://127.0.0.N:PORT`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.servers: list[ThreadingHTTPServer] = []
        self._turn = 0

    def publish(self, service: Service, *, router: bool = False, port: int = 0) -> str:
        """Give a service a domain; a router's leads to its slots."""
        host = f"127.0.0.{len(self.servers) + 2}"
        handler = type("Handler", (_Handler,), {"edge": self, "service": service, "router": router})
        server = ThreadingHTTPServer((host, port), handler)
        server.daemon_threads = True
        self.servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        domain = f"{host}:{server.server_port}"
        service.domains.append({"id": domain, "domain": domain, "targetPort": 8080})
        return f"http://{domain}"

    def stop(self) -> None:
        """Close all doors."""
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def answer(self, service: Service, request: BaseHTTPRequestHandler, *, router: bool) -> Reply | None:
        """What a request to a service's domain gets; None for no answer at all."""
        if self.world.edge:
            status, text = self.world.edge
            return status, {"Content-Type": "text/html"}, text.encode()
        row = self._one_of(service)
        if row is None:
            return NOT_FOUND
        if not router:
            return self._program(row, request)
        slot = self._slot(row.variables, request.headers)
        found = self._one_of(self.world.services[f"api-{slot}"])
        reply = self._program(found, request) if found else NOT_REACHED
        return reply and (reply[0], {**reply[1], "X-Slot": slot}, reply[2])

    def _one_of(self, service: Service) -> Row | None:
        """One of the live deployments, in turns, as an edge with no memory would choose."""
        rows = self.world.live(service)
        self._turn += 1
        return rows[self._turn % len(rows)] if rows else None

    @staticmethod
    def _slot(variables: Mapping[str, str], headers: Any) -> str:
        known = headers.get("X-Slot-Key") == variables["SLOT_KEY"]
        return str(headers.get("X-Slot")) if known and headers.get("X-Slot") else variables["ACTIVE_SLOT"]

    def _program(self, row: Row, request: BaseHTTPRequestHandler) -> Reply | None:
        """The application of a deployment."""
        if row.silent:
            return None
        headers = {"X-Request-ID": "request-1", "Vary": "Origin", "Content-Type": "application/json"}
        if (origin := request.headers.get("Origin")) in self.world.origins:
            headers |= {"Access-Control-Allow-Origin": str(origin), **PREFLIGHT}
        if request.command == "OPTIONS":
            return 204, headers, b""
        if row.answers != 200:
            return row.answers, headers, b"{}"
        down = row.down | self.world.down
        path = request.path.partition("?")[0]
        if path == "/health/breakers":
            open_ = {"state": "open", "cause": "errors", "for_seconds": 3}
            rows = [{"name": name, **open_, "events": _events(row, name)} for name in sorted(down)]
            return 200, headers, json.dumps({"breakers": rows}).encode()
        if path in ("/api/health", "/health/ready"):
            states = {name: "open" if name in down else "closed" for name in DEPENDENCIES}
            told = {
                "service": "rental_backend",
                "deployment": row.id,
                "commit": row.commit,
                "dependencies": states,
                "mode": row.mode,
            }
            return 200, headers, json.dumps(told).encode()
        return 401 if path == "/api/customers" else 404, headers, b"{}"


def _events(row: Row, name: str) -> list[dict[str, str]]:
    """What its breaker tells: it begins open, and is closed when the dependency is reached."""
    tried = [{"from": "open", "to": "half-open"}, {"from": "half-open", "to": "open"}]
    never = name in row.down or not row.reached
    return tried if never else [{"from": "half-open", "to": "closed"}, {"from": "closed", "to": "open"}, *tried]


class _Handler(BaseHTTPRequestHandler):
    edge: Edge
    service: Service
    router: bool
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        reply = self.edge.answer(self.service, self, router=self.router)
        self.close_connection = True
        if reply is None:
            return
        self.send_response(reply[0])
        for name, value in {**reply[1], "Content-Length": str(len(reply[2])), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply[2])

    do_GET = do_POST = do_OPTIONS = _do  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
