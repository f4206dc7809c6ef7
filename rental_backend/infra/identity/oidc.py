"""Access tokens of another issuer (OpenID Connect), verified by its published keys. There is none unless configured.

The keys are fetched when a token first names one, and again every few minutes, so that a withdrawn one is not trusted
for long. While the issuer is away those that are known go on working; whoever comes with another gets 503, not 401.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from ...errors import Unauthenticated, Unavailable
from ...resilience import Breaker, BreakerOpen, Policy, SharedMemory, limit
from .tokens import Claims, External

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
NEEDED = ["exp", "iat", "iss", "aud", "sub"]
LEEWAY = 10.0  # seconds by which the issuer's clock may differ
PAUSE = 60.0  # seconds between two fetches for keys that nobody knows
REFRESH = 300.0  # seconds between two fetches that nobody asks for
LARGEST = 262_144  # bytes of a key set
SMALLEST_RSA = 2048  # bits (RFC 7518, 3.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens are taken, meant for whom, and by which claim (`email` or `sub`) they name an account."""

    issuer: str
    audience: str
    keys_url: str
    claim: str
    deadline: float


# D40: the issuer says who somebody is, never what they may do.
class Issuer:
    """Verifies the tokens of one issuer. Its breaker opens at the first failure: nobody waits twice."""

    def __init__(self, trust: Trust, memory: SharedMemory) -> None:
        self.breaker = Breaker("oidc", memory=memory, policy=Policy(consecutive=1), starts_closed=True)
        self._trust = trust
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._fetching: Future[None] | None = None
        self._lock = threading.Lock()

    def accepts(self, token: str) -> bool:
        """Tell whether a token says that it was signed with a key pair; ours never are."""
        try:
            return jwt.get_unverified_header(token).get("alg") in ASYMMETRIC
        except jwt.PyJWTError:
            return False

    def verify(self, token: str) -> Claims:
        """Return the claims of a valid token. Raises `Unauthenticated`, or `Unavailable` if its key cannot be had."""
        trust = self._trust
        try:
            key = self._key(str(jwt.get_unverified_header(token)["kid"]))
            said: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=trust.audience,
                issuer=trust.issuer,
                leeway=LEEWAY,
                options={"require": NEEDED},
            )
            return self._claims(said)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.", reason="expired") from None
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            raise Unauthenticated("The token is not valid.", reason="invalid") from None

    # D41: keys are fetched behind a breaker of their own.
    def fetch(self) -> None:
        """Fetch the keys, or wait for whoever is doing so; raises what went wrong, or `TimeoutError`."""
        with self._lock:
            fetching = self._fetching
            if fetching is None or fetching.done():
                fetching = self._fetching = Future()
                threading.Thread(target=self._fetch, args=(fetching,), name="oidc", daemon=True).start()
        fetching.result(limit(self._trust.deadline))

    def _claims(self, said: dict[str, Any]) -> Claims:
        """Return who that is: known by what the issuer says of him, since no account has told it who he is here."""
        claim = self._trust.claim
        value = str(said[claim])
        if claim == "email" and said.get("email_verified") is not True:
            raise ValueError("an address that nobody has verified names nobody")
        known = uuid.uuid5(uuid.NAMESPACE_URL, "\0".join((self._trust.issuer, str(said["sub"]), value)))
        return Claims(
            user_id=known,
            session=known,
            username=value,
            kind="access",
            scopes=frozenset(),
            superuser=False,
            expires=float(said["exp"]),
            issued=float(said["iat"]),
            external=External(claim, value),
        )

    def _key(self, name: str) -> jwt.PyJWK:
        if name not in self._keys and time.monotonic() >= self._fetched + PAUSE:
            try:
                with self.breaker.guard():
                    self.fetch()
            except BreakerOpen as refused:
                raise Unavailable("oidc", refused.retry_after) from None
            except Exception as error:  # whatever came of asking somebody else
                raise Unavailable("oidc", self.breaker.retry_after) from error
        return self._keys[name]

    def _fetch(self, fetching: Future[None]) -> None:
        try:
            self._keys = _usable(json.loads(_download(self._trust.keys_url, self._trust.deadline)))
            self._fetched = time.monotonic()
        except Exception as error:
            fetching.set_exception(error)
        else:
            fetching.set_result(None)


def _usable(said: Any) -> dict[str, jwt.PyJWK]:
    """Return the public keys of a key set that sign, by name; raises `ValueError` if there are none."""
    found = {}
    for each in said["keys"] if isinstance(said, dict) and isinstance(said.get("keys"), list) else ():
        try:
            key = jwt.PyJWK(each)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):  # a kind that we do not know, or broken
            continue
        weak = key.key_type == "RSA" and key.key.key_size < SMALLEST_RSA
        if key.key_id and key.algorithm_name in ASYMMETRIC and key.public_key_use != "enc" and not weak:
            found[key.key_id] = key
    if not found:
        raise ValueError("no usable key")
    return found


def _download(url: str, deadline: float) -> bytes:
    """Return what lies at a URL, without following it elsewhere. Raises `OSError` if it is too late or too large."""
    ends, place = time.monotonic() + deadline, urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=deadline)
    try:
        target = f"{place.path or '/'}{'?' if place.query else ''}{place.query}"
        connection.request("GET", target, headers={"Accept": "application/json"})
        answer, body = connection.getresponse(), b""
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"status {answer.status}")
        while piece := answer.read1(LARGEST):
            body += piece
            if len(body) > LARGEST or time.monotonic() > ends:
                raise OSError("the key set is too large or comes too slowly")
        return body
    finally:
        connection.close()
