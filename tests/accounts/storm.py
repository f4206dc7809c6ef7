"""Crowds of clients, each to be run in a process of its own so that none slows another down."""

import http.client
import json
import threading
import time
from collections.abc import Callable

from tests import factories

CROWD, SECONDS = 200, 6.0
Answers = list[tuple[float, int, float]]  # began, status, seconds


def _ask(client: http.client.HTTPConnection, method: str, path: str, **more: object) -> http.client.HTTPResponse:
    client.request(method, path, **more)  # type: ignore[arg-type]
    answer = client.getresponse()
    answer.read()
    return answer


def _all_at_once(work: Callable[[int, Answers], None], threads: int) -> Answers:
    seen: Answers = []
    running = [threading.Thread(target=work, args=(number, seen)) for number in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return seen


def storm(port: int, begins: float) -> Answers:
    """Sign everybody in at the same moment; who is refused comes again when he was told to."""

    def sign_in(number: int, seen: Answers) -> None:
        body = json.dumps({"username": f"crowd-{number}", "password": factories.PASSWORD})
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        time.sleep(max(0.0, begins - time.time()))
        while time.time() < begins + SECONDS:
            began = time.time()
            answer = _ask(client, "POST", "/api/auth/login", body=body, headers={"Content-Type": "application/json"})
            seen.append((began, answer.status, time.time() - began))
            if answer.status == 200:
                return
            time.sleep(float(answer.headers["Retry-After"]))

    return _all_at_once(sign_in, CROWD)


def look_on(port: int, path: str, token: str, begins: float, clients: int, pause: float) -> Answers:
    """Ask for a path again and again, `pause` seconds after each answer."""

    def look(_: int, seen: Answers) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        time.sleep(max(0.0, begins - time.time()))
        while time.time() < begins + SECONDS:
            began = time.time()
            status = _ask(client, "GET", path, headers={"Authorization": f"Bearer {token}"}).status
            seen.append((began, status, time.time() - began))
            time.sleep(pause)

    return _all_at_once(look, clients)
