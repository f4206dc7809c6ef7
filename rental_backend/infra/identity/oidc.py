"""Access tokens of another issuer (OpenID Connect), verified by its published keys, if one is configured.

The keys are fetched when a token first names one, and again every few minutes, so that a withdrawn key is not trusted
for long. While the issuer is away known keys go on working; a token with an unknown key gets 503, not 401.
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
from .tokens import MALFORMED, Claims, External, moment_of, text_of

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
NEEDED = ["exp", "iat", "iss", "aud", "sub"]
LEEWAY = 10.0  # seconds by which the issuer's clock may differ
PAUSE = 60.0  # seconds between two fetches for an unknown key
REFRESH = 300.0  # seconds between two fetches in the background
LARGEST = 262_144  # bytes of a key set
SMALLEST_RSA = 2048  # bits (RFC 7518, 3.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The trusted issuer, the expected audience, and the claim (`email` or `sub`) that names the account."""

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
        """Tell whether a token claims to be signed with a key pair; ours never are."""
        try:
            return jwt.get_unverified_header(token).get("alg") in ASYMMETRIC
        except MALFORMED:
            return False

    def verify(self, token: str) -> Claims:
        """Return the claims of a valid token. Raises `Unauthenticated`, or `Unavailable` without its key."""
        trust = self._trust
        try:
            key = self._key(text_of(jwt.get_unverified_header(token)["kid"]))
            payload: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=trust.audience,
                issuer=trust.issuer,
                leeway=LEEWAY,
                options={"require": NEEDED},
            )
            return self._claims(payload)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.", reason="expired") from None
        except MALFORMED:
            raise Unauthenticated("The token is not valid.", reason="invalid") from None

    # D41: keys are fetched behind a breaker of their own.
    def fetch(self) -> None:
        """Fetch the keys, or wait for a fetch under way. Raises its error, or `TimeoutError`."""
        with self._lock:
            fetching = self._fetching
            if fetching is None or fetching.done():
                fetching = self._fetching = Future()
                threading.Thread(target=self._fetch, args=(fetching,), name="oidc", daemon=True).start()
        fetching.result(limit(self._trust.deadline))

    def _claims(self, payload: dict[str, Any]) -> Claims:
        """Return our claims, with ids derived from the issuer's, which knows neither our accounts nor our sessions."""
        claim = self._trust.claim
        value, sub = text_of(payload[claim]), text_of(payload["sub"])
        if claim == "email" and payload.get("email_verified") is not True:
            raise ValueError("an address that nobody has verified names nobody")
        known = uuid.uuid5(uuid.NAMESPACE_URL, "\0".join((self._trust.issuer, sub, value)))
        return Claims(
            user_id=known,
            session=uuid.uuid5(known, str(payload["iat"])),  # what ends with a sign-out is this token, not the next one
            username=value,
            kind="access",
            scopes=frozenset(),
            superuser=False,
            expires=moment_of(payload["exp"]),
            issued=moment_of(payload["iat"]),
            external=External(claim, value),
        )

    def _key(self, name: str) -> jwt.PyJWK:
        if name not in self._keys and time.monotonic() >= self._fetched + PAUSE:
            try:
                with self.breaker.guard():
                    self.fetch()
            except BreakerOpen as refused:
                raise Unavailable("oidc", refused.retry_after) from None
            except Exception as error:  # whatever the request to the issuer raised
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


def _usable(key_set: object) -> dict[str, jwt.PyJWK]:
    """Return the signing keys of a key set, by name. Raises `ValueError` if there are none."""
    usable = {}
    for entry in key_set["keys"] if isinstance(key_set, dict) and isinstance(key_set.get("keys"), list) else ():
        try:
            key = jwt.PyJWK(entry)
        except MALFORMED:  # of an unknown kind, or broken
            continue
        weak = key.key_type == "RSA" and key.key.key_size < SMALLEST_RSA
        if (
            isinstance(key.key_id, str)
            and key.key_id
            and key.algorithm_name in ASYMMETRIC
            and key.public_key_use != "enc"
            and not weak
        ):
            usable[key.key_id] = key
    if not usable:
        raise ValueError("no usable key")
    return usable


def _download(url: str, deadline: float) -> bytes:
    """Download a URL, without following redirects. Raises `OSError` if that takes too long or is too large."""
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
