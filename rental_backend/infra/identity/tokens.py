"""The adapter of JWTs: access and refresh tokens, HS256, signed with the application's key.

Keys are rotated without signing anybody out: the new key signs, and the old ones still verify until their last refresh
token has expired. A token names its key (`kid`), and no other key is tried.
"""

import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeVar

import jwt

from ...errors import Unauthenticated

ALGORITHM = "HS256"
NEEDED = ["exp", "sub", "user_id", "sid", "type"]
REMEMBERED = 2048
# What comes of a token that is none, or whose claims are none: numbers without end and lists without bottom included.
MALFORMED = (jwt.PyJWTError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
END_OF_TIME = 253_402_300_800  # the year 10,000, in seconds since the epoch
LONGEST = 255  # characters of a name, as the database holds it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class External:
    """How another issuer names an account of ours: by an `email` that it has verified, or by `sub`, a user name."""

    claim: str
    value: str


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token: its user, session and scopes, and when it was issued and expires (epoch seconds).

    For a token of another issuer (`external`) the ids are derived: it knows neither our accounts nor our sessions.
    """

    user_id: uuid.UUID
    session: uuid.UUID
    username: str
    kind: str
    scopes: frozenset[str]
    superuser: bool
    expires: float
    issued: float
    external: External | None = None


class Tokens:
    """Signs with `key`; verifies what `key` or one of the `old` keys signed.

    Verified tokens are cached until they expire, which saves the cryptography.
    """

    def __init__(self, key: str, *, old: tuple[str, ...] = (), access_seconds: int, refresh_seconds: int) -> None:
        self._key = key
        self._keys = {key_name(one): one for one in (*old, key)}
        self.lifetimes = {"access": access_seconds, "refresh": refresh_seconds}
        self._known: OrderedDict[str, Claims] = OrderedDict()
        self._lock = threading.Lock()

    def sign(
        self,
        kind: str,
        user_id: uuid.UUID,
        username: str,
        *,
        session: uuid.UUID,
        scopes: frozenset[str] = frozenset(),
        superuser: bool = False,
        seconds: int | None = None,
    ) -> tuple[str, int]:
        """Return a new token of the kind `access` or `refresh`, and when it expires (seconds since the epoch).

        It is valid for the lifetime of its kind, or for `seconds`.
        """
        now = int(time.time())
        expires = now + (seconds or self.lifetimes[kind])
        claims = {
            "sub": username,
            "user_id": str(user_id),
            "sid": str(session),
            "scopes": sorted(scopes),
            "superuser": superuser,
            "type": kind,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": expires,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": key_name(self._key)}), expires

    def verify(self, token: str, kind: str) -> Claims:
        """Return the claims of a valid token of that kind, or raise `Unauthenticated`."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._decode(token)
            with self._lock:
                self._known[token] = claims
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        if claims.expires <= time.time():
            raise Unauthenticated("The token has expired.", reason="expired")
        if claims.kind != kind:
            raise Unauthenticated(f"The token is not of the kind {kind}.", reason="wrong_kind")
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            payload: dict[str, Any] = jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": NEEDED})
            return Claims(
                uuid.UUID(payload["user_id"]),
                uuid.UUID(payload["sid"]),
                text_of(payload["sub"]),
                text_of(payload["type"]),
                frozenset(map(text_of, _typed(payload.get("scopes", []), list))),
                _typed(payload.get("superuser", False), bool),
                moment_of(payload["exp"]),
                moment_of(payload.get("iat", 0)),
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.", reason="expired") from None
        except MALFORMED:
            raise Unauthenticated("The token is not valid.", reason="invalid") from None


def text_of(claim: object) -> str:
    """Return a claim that is a text which can be stored and logged. Raises `TypeError` or `ValueError`."""
    text = _typed(claim, str)
    text.encode()  # of a lone surrogate it makes a kind of `ValueError`
    if "\0" in text or len(text) > LONGEST:
        raise ValueError("not a text")
    return text


def moment_of(claim: object) -> float:
    """Return a claim that is a moment, in seconds since the epoch. Raises `TypeError` or `ValueError`."""
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not 0 <= claim < END_OF_TIME:
        raise ValueError("not a moment")
    return float(claim)


def _typed(claim: object, kind: type[T]) -> T:
    if not isinstance(claim, kind):
        raise TypeError(f"not a {kind.__name__}")
    return claim


def key_name(key: str) -> str:
    """Return a name for a key that reveals no more of it than a signature does."""
    return hashlib.blake2b(key.encode(), digest_size=8, person=b"token key").hexdigest()
