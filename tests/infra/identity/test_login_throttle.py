"""Tries to sign in, counted by name and by address, in Redis and without it."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from deploy.private.servers import RedisServer
from rental_backend.errors import AppError, Busy, ServiceUnavailable, TooManyAttempts, Unavailable
from rental_backend.infra.identity import login_throttle as module
from rental_backend.infra.identity.login_throttle import LoginThrottle
from tests.infra.conftest import OpenCache
from tests.resilience.clock import Clock
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

HERE, THERE = "192.0.2.1", "192.0.2.2"
Make = Callable[..., LoginThrottle]


@pytest.fixture(params=["redis", "own"])
def make(request: pytest.FixtureRequest, frail_redis: RedisServer, open_cache: OpenCache) -> Make:
    """Make a throttle of three tries by name and five by address, with Redis in reach and without."""
    url = frail_redis.url if request.param == "redis" else ""

    def make(*, by_name: int = 3, by_address: int = 5, window: float = 60) -> LoginThrottle:
        cache = open_cache(url, probed=bool(url), deadline=1.0, connections=20)
        return LoginThrottle(cache, by_name=by_name, by_address=by_address, window=window)

    return make


@pytest.fixture
def name() -> str:
    """A name that nobody has tried yet."""
    return f"ann-{uuid.uuid4().hex}"


def fail(throttle: LoginThrottle, name: str, address: str = "", error: type[AppError] = AppError) -> None:
    """Try, and fail; `TooManyAttempts` comes through."""
    try:
        with throttle.attempt(name, address or uuid.uuid4().hex):
            raise error("database", 1) if issubclass(error, ServiceUnavailable) else error
    except TooManyAttempts:
        raise
    except AppError:
        pass


def refused(throttle: LoginThrottle, name: str, address: str = "") -> int:
    """Return after how many seconds a refused try may be made again."""
    with pytest.raises(TooManyAttempts) as caught:
        fail(throttle, name, address)
    assert caught.value.headers == {"Retry-After": str(caught.value.members["retry_after"])}
    return int(caught.value.members["retry_after"])


def test_so_many_tries_and_no_more(make: Make, name: str) -> None:
    """The fourth try under a name is refused, wherever it comes from, and told when to come again; others go on."""
    throttle = make()
    for _ in range(3):
        fail(throttle, name)
    assert 55 <= refused(throttle, name) <= 60
    fail(throttle, f"not {name}")


def test_an_address_has_its_own_limit(make: Make, name: str) -> None:
    """Who tries one name after the other is stopped by his address; others are not."""
    throttle, address = make(), uuid.uuid4().hex
    for number in range(5):
        fail(throttle, f"{name}{number}", address)
    assert 55 <= refused(throttle, f"{name}5", address) <= 60
    fail(throttle, f"{name}5")


@pytest.mark.parametrize(
    "change", [str.upper, str.title, "  {} ".format, "\t{}\n".format, lambda it: it.replace("a", "\uff41")]
)
def test_another_spelling_is_the_same_name(make: Make, name: str, change: Callable[[str], str]) -> None:
    """Letter case, blanks and letters of another width give no further tries."""
    throttle = make()
    for _ in range(3):
        fail(throttle, change(name))
    refused(throttle, name)


def test_a_success_clears_the_name_and_does_not_count_for_the_address(make: Make, name: str) -> None:
    """Who gets in begins anew; a whole office may sign in from one address."""
    throttle, address = make(), uuid.uuid4().hex
    for _ in range(10):
        fail(throttle, name)
        fail(throttle, name)
        with throttle.attempt(name, address):
            pass
    for _ in range(3):
        fail(throttle, name)
    refused(throttle, name)


@pytest.mark.parametrize("error", [Unavailable, Busy])
def test_an_outage_of_ours_is_nobody_s_fault(make: Make, name: str, error: type[AppError]) -> None:
    """A try that could not be judged does not count: after an outage one still has all of them."""
    throttle = make()
    for _ in range(8):
        fail(throttle, name, HERE, error)
    for _ in range(3):
        fail(throttle, name)
    refused(throttle, name)


def test_tries_are_never_more_than_the_limit_however_many_come_at_once(make: Make, name: str) -> None:
    """Of thirty tries at the same moment as many pass as may."""
    throttle = make()

    def attempt(_: int) -> bool:
        try:
            fail(throttle, name)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(30))) == 3


def test_the_window_ends_and_refused_tries_do_not_prolong_it(make: Make, name: str) -> None:
    """Nobody is kept out for longer than the window, however often he or somebody else goes on trying."""
    throttle = make(window=0.5)
    for _ in range(3):
        fail(throttle, name)
    refused(throttle, name)

    def passes() -> bool:
        try:
            fail(throttle, name)
        except TooManyAttempts:
            return False
        return True

    until(passes, 3)


def test_a_try_that_always_counts(make: Make, name: str) -> None:
    """What has no success of its own is limited all the same."""
    throttle = make()
    for _ in range(3):
        throttle.admit(name, uuid.uuid4().hex)
    with pytest.raises(TooManyAttempts):
        throttle.admit(name, uuid.uuid4().hex)


@pytest.mark.parametrize("make", ["redis"], indirect=True)
def test_a_known_address_is_not_kept_out_by_strangers(make: Make, name: str) -> None:
    """Who has signed in from somewhere has tries of his own there, and no more of them than anybody."""
    throttle, home = make(), uuid.uuid4().hex
    with throttle.attempt(name, home):
        pass
    for _ in range(3):
        fail(throttle, name)
    refused(throttle, name)
    for _ in range(3):
        fail(throttle, name, home)
    refused(throttle, name, home)


@pytest.mark.parametrize("make", ["redis"], indirect=True)
def test_all_workers_count_together(make: Make, name: str) -> None:
    """What one worker counted counts for another."""
    throttles = [make(), make(), make()]
    for each in throttles:
        fail(each, name)
    for each in throttles:
        refused(each, name)


@pytest.mark.parametrize("make", ["redis"], indirect=True)
def test_names_are_not_kept_as_they_were_typed(make: Make, frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Somebody types his password as his name now and then: Redis never sees it."""
    fail(make(), "my secret password")
    client = open_cache(frail_redis.url)._client
    assert client is not None
    keys = b" ".join(client.keys("sign-in:*"))  # type: ignore[arg-type]
    assert keys
    assert b"secret" not in keys
    assert all(client.ttl(key) > 0 for key in client.keys("sign-in:*"))  # type: ignore[union-attr, operator]


def test_when_redis_goes_away_counting_goes_on(frail_redis: RedisServer, open_cache: OpenCache, name: str) -> None:
    """A frozen Redis lets nobody try without end, and makes no error."""
    throttle = LoginThrottle(open_cache(frail_redis.url), by_name=3, by_address=50, window=60)
    fail(throttle, name)
    frail_redis.freeze()
    for _ in range(3):
        fail(throttle, name)
    refused(throttle, name)


def test_what_a_process_counts_is_bounded(open_cache: OpenCache, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many names take no more memory than so many; a window that is over counts for nothing."""
    monkeypatch.setattr(module, "REMEMBERED", 10)
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    throttle = LoginThrottle(open_cache("", probed=False), by_name=3, by_address=50, window=60)
    for number in range(30):
        fail(throttle, f"{name}{number}", HERE)
    assert len(throttle._own._tries) == 10
    for _ in range(3):
        fail(throttle, name, THERE)
    refused(throttle, name, THERE)
    clock.advance(60.1)
    fail(throttle, name, THERE)
