"""Sessions that were ended, as all workers learn of it."""

import uuid

import pytest

from deploy.private.servers import RedisServer
from rental_backend.infra.identity.revocations import Revocations
from tests.infra.conftest import OpenCache
from tests.infra.timing import within

pytestmark = pytest.mark.alone


def test_what_one_worker_announces_all_know(frail_redis: RedisServer, open_cache: OpenCache) -> None:
    """Each session is known to have ended for the life of an access token; others are not."""
    here, there = (Revocations(open_cache(frail_redis.url), 60) for _ in range(2))
    ended = [uuid.uuid4() for _ in range(3)]

    assert here.announce(ended)
    assert here.announce([])

    assert [there.includes(each) for each in (*ended, uuid.uuid4())] == [True, True, True, False]
    client = open_cache(frail_redis.url)._client
    assert client is not None
    assert 0 < client.ttl(f"revoked:{ended[0]}") <= 60  # type: ignore[operator]


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_without_redis_nothing_is_known_and_nobody_waits(
    frail_redis: RedisServer, open_cache: OpenCache, how: str
) -> None:
    """Not knowing is another answer than no, and comes within the deadline."""
    revocations = Revocations(open_cache(frail_redis.url), 60)
    getattr(frail_redis, how)()

    with within(0.7):
        assert revocations.announce([uuid.uuid4(), uuid.uuid4()]) is False
        assert revocations.includes(uuid.uuid4()) is None
