"""Signing in and staying signed in while the database, the accounts or Redis are frozen under a real server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.faults.conftest import PASSWORD, Shop
from tests.faults.test_outages import DECIDING, RECOVERY, SLOWEST
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving, until

pytestmark = pytest.mark.alone(waiting=True)


@dataclass(frozen=True)
class Visitor:
    """Somebody who signed in when all was well."""

    url: str
    access: str
    refresh: str

    def read(self) -> requests.Response:
        """Look at the customers."""
        bearer = {"Authorization": f"Bearer {self.access}"}
        return requests.get(f"{self.url}/api/customers?limit=5", headers=bearer, timeout=10)

    def renew(self) -> requests.Response:
        """Exchange the refresh token."""
        return requests.post(f"{self.url}/api/auth/refresh", json={"refresh_token": self.refresh}, timeout=10)

    def sign_in(self) -> requests.Response:
        """Sign in again, with the right password."""
        return sign_in(self.url)


def sign_in(url: str) -> requests.Response:
    """Sign in as the administrator."""
    return requests.post(f"{url}/api/auth/login", json={"username": "admin", "password": PASSWORD}, timeout=10)


@pytest.fixture
def accounts(shop: Shop) -> Iterator[Proxy]:
    """A road of its own to the accounts."""
    proxy = Proxy(shop.postgres.port or 0)
    yield proxy
    proxy.close()


@pytest.fixture
def server(shop: Shop, accounts: Proxy) -> Iterator[Gunicorn]:
    """The shop with that road, and a name that may be tried often."""
    url = shop.postgres.url.replace(str(shop.postgres.port), str(accounts.port))
    with serving(shop.environ(AUTH_DATABASE_URL=url, SIGN_IN_ATTEMPTS="10000"), shop.log()) as server:
        yield server


@pytest.fixture
def visitor(server: Gunicorn) -> Visitor:
    """Somebody who is signed in, and whom both workers know."""
    said = sign_in(server.url).json()
    visitor = Visitor(server.url, said["access_token"], said["refresh_token"])
    until(lambda: all(visitor.read().headers.get("X-Degraded") is None for _ in range(10)))
    return visitor


Answers = dict[str, list[requests.Response]]


def ask(visitor: Visitor, seconds: float) -> Answers:
    """Read, refresh and sign in by turns for so long."""
    answers: Answers = {"read": [], "renew": [], "sign_in": []}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for kind, seen in answers.items():
            seen.append(getattr(visitor, kind)())
    return answers


def statuses(answers: list[requests.Response]) -> set[int]:
    """Return the statuses there were."""
    return {each.status_code for each in answers}


def _away(answers: Answers, decided: Answers) -> None:
    """Signed-in people read and stay signed in, nobody new is let in; all of it at once, when the breaker is open."""
    for each in (answers, decided):
        assert statuses(each["read"]) | statuses(each["renew"]) == {200}
        assert statuses(each["sign_in"]) == {503}
    for refused in (*answers["sign_in"], *decided["sign_in"]):
        assert 1 <= int(refused.headers["Retry-After"]) <= 5
        assert refused.json()["dependency"] == "auth"
    assert all(each.json()["offline"] and each.headers["X-Degraded"] == "offline" for each in decided["renew"])
    slowest = max(each.elapsed.total_seconds() for kind in decided.values() for each in kind)
    print(f"decided: {sum(map(len, decided.values()))} answers, the slowest after {slowest * 1000:.0f} ms")


def _unmoved(answers: Answers, decided: Answers) -> None:
    """Nobody notices that Redis is away, but for the mark."""
    for each in (answers, decided):
        assert {kind: statuses(seen) for kind, seen in each.items()} == {
            "read": {200},
            "renew": {200},
            "sign_in": {200},
        }


@pytest.mark.parametrize(("fault", "seconds", "hold"), [
    ("database", 1.0, _away),
    *[pytest.param(fault, 15.0, hold, marks=pytest.mark.full)
      for fault, hold in (("database", _away), ("auth", _away), ("redis", _unmoved))],
])  # fmt: skip
def test_who_is_signed_in_stays_so_and_nobody_new_is_let_in(
    shop: Shop, accounts: Proxy, visitor: Visitor, fault: str, seconds: float, hold: Callable[[Any, Any], None]
) -> None:
    """With the database or the accounts frozen: reads and refreshes 200, sign-in 503. With Redis frozen: all 200."""
    freeze, thaw = {
        "database": (shop.postgres.freeze, shop.postgres.thaw),
        "auth": (accounts.black_hole, accounts.restore),
        "redis": (shop.redis.freeze, shop.redis.thaw),
    }[fault]
    freeze()
    try:
        deciding, decided = ask(visitor, DECIDING), ask(visitor, seconds)
    finally:
        thaw()
    until(lambda: visitor.sign_in().status_code == 200, RECOVERY, "sign-in after the outage")
    until(lambda: visitor.renew().json()["offline"] is False, RECOVERY, "refreshing with a look at the accounts")

    hold(deciding, decided)
    assert max(each.elapsed.total_seconds() for kind in deciding.values() for each in kind) <= SLOWEST
