"""The list of changes of accounts in Redis: which sessions ended, and whose rights changed to what.

The list has an epoch, drawn when it is begun with all that the database has. A Redis that lost its data has none, or
one with fewer changes than before: so nobody takes a missing entry for "not ended". Entries keep their order of arrival
and so can be read from where one left off.
"""

import json
import uuid
from dataclasses import dataclass

from ..redis.cache import Cache
from .account import Account, AccountChanges, KnownAccount

ORDER, ENTRIES = "rental:{accounts}:order", "rental:{accounts}:changes"
SESSION, USER = "s:", "u:"
NONE = (0, 0)

STATE = """
local known = redis.call('HMGET', KEYS[2], 'epoch', 'last')
local epoch, last = tonumber(known[1] or 0), tonumber(known[2] or 0)
if not redis.call('ZSCORE', KEYS[1], 'begin') then epoch, last = 0, 0 end
"""
PUBLISH = (
    STATE
    + """
if epoch == tonumber(ARGV[2]) and last < tonumber(ARGV[3]) then epoch = 0 end
if epoch == 0 then
    if ARGV[1] == '0' then return {0, 0} end
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('ZADD', KEYS[1], 0, 'begin')
    redis.call('HSET', KEYS[2], 'epoch', ARGV[1])
    epoch, last = tonumber(ARGV[1]), 0
end
for at = 6, #ARGV, 4 do
    local stored = redis.call('HGET', KEYS[2], ARGV[at])
    if not stored or tonumber(string.match(stored, '^%d+')) < tonumber(ARGV[at + 1]) then
        last = last + 1
        redis.call('HSET', KEYS[2], ARGV[at], table.concat({ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]}, ' '))
        redis.call('ZADD', KEYS[1], last, ARGV[at])
    end
end
for _, member in ipairs(#ARGV > 5 and redis.call('ZRANGE', KEYS[1], 1, 10) or {}) do
    local stored = redis.call('HGET', KEYS[2], member)
    if not stored or tonumber(string.match(stored, '^%d+ (%d+)')) < tonumber(ARGV[5]) then
        redis.call('ZREM', KEYS[1], member)
        redis.call('HDEL', KEYS[2], member)
    end
end
redis.call('HSET', KEYS[2], 'last', last)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[4]) end
return {epoch, last}
"""
)  # the epoch of a new list (or 0), the one known with its last change, the life of the list, now, and entries
READ = (
    STATE
    + """
if epoch == 0 then return '{"epoch": "0", "last": "0", "entries": []}' end
local entries = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')) do
    table.insert(entries, {member, redis.call('HGET', KEYS[2], member) or ''})
end
local text = #entries > 0 and cjson.encode(entries) or '[]'
return '{"epoch": "' .. known[1] .. '", "last": "' .. known[2] .. '", "entries": ' .. text .. '}'
"""
)


@dataclass(frozen=True, slots=True)
class ListedChanges:
    """What the list holds after some entry: its epoch (0: there is no list), its last number, and the changes."""

    epoch: int
    last: int
    changes: AccountChanges


class RevocationStore:
    """The list in Redis. It lives for `seconds` after its last change, as long as a refresh token."""

    def __init__(self, cache: Cache, seconds: int) -> None:
        self._cache = cache
        self._seconds = seconds

    def publish(
        self, changes: AccountChanges, *, known: tuple[int, int], begin: int = 0, now: float
    ) -> tuple[int, int] | None:
        """Add changes to the list, and return its epoch and the number of its last change; None while Redis is away.

        `known` is what this host knows of them. Where there is no list, or one that has lost some of what is known,
        `begin` is the epoch of a new one, for which the changes have to be all there are; with 0 none is begun, nothing
        is added, and (0, 0) returned. What has expired by `now` (seconds since the epoch) leaves the list.
        """
        entries: list[str | int] = []
        for session, expires in changes.ended.items():
            entries += [SESSION + str(session), 1, int(expires), ""]
        for user, known_account in changes.accounts.items():
            entries += [
                USER + str(user),
                known_account.version,
                int(known_account.expires),
                _packed(known_account.account),
            ]
        head: list[str | int] = [begin, *known, self._seconds, int(now)]
        told = self._cache.numbers(PUBLISH, [ORDER, ENTRIES], head + entries)
        return None if told is None else (told[0], told[1])

    def read(self, after: int) -> ListedChanges | None:
        """Return the changes after that number; None while Redis is away, or if what is there is not ours."""
        packed = self._cache.text(READ, [ORDER, ENTRIES], [after])
        if packed is None:
            return None
        ended: dict[uuid.UUID, float] = {}
        accounts: dict[uuid.UUID, KnownAccount] = {}
        try:
            told = json.loads(packed)
            for member, stored in told["entries"]:
                version, expires, value = stored.split(" ", 2)
                if member.startswith(SESSION):
                    ended[uuid.UUID(member[2:])] = float(expires)
                else:
                    accounts[uuid.UUID(member[2:])] = KnownAccount(int(version), _unpacked(value), float(expires))
            return ListedChanges(int(told["epoch"]), int(told["last"]), AccountChanges(ended, accounts))
        except (ValueError, KeyError, TypeError, AttributeError):
            return ListedChanges(*NONE, AccountChanges({}, {}))


def _packed(account: Account | None) -> str:
    if account is None:
        return "null"
    rights = {"permissions": sorted(account.permissions), "ending": account.ending}
    who = {"id": str(account.id), "username": account.username}
    return json.dumps({**who, "active": account.active, "superuser": account.superuser, **rights})


def _unpacked(text: str) -> Account | None:
    data = json.loads(text)
    if data is None:
        return None
    return Account(
        uuid.UUID(data["id"]),
        data["username"],
        data["active"] is True,
        data["superuser"] is True,
        frozenset(data["permissions"]),
        ending=tuple((name, float(end)) for name, end in data["ending"]),
    )
