"""The door to JWTs."""

import base64
import json
import time
import uuid
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from rental_backend.errors import Unauthenticated
from rental_backend.infra.identity import tokens as module
from rental_backend.infra.identity.tokens import Tokens, key_name

KEY = "a key for tests that is long enough"
USER = uuid.UUID("6f1f5d4e-0c3b-4f2a-9d5e-111111111111")
SESSION = uuid.UUID("6f1f5d4e-0c3b-4f2a-9d5e-222222222222")


@pytest.fixture
def tokens() -> Tokens:
    """A signer with short lives."""
    return Tokens(KEY, access_seconds=60, refresh_seconds=600)


def claims(**changes: Any) -> dict[str, Any]:
    """Return what a valid access token says, with changes; None takes a claim out."""
    said = {
        "sub": "ann",
        "user_id": str(USER),
        "sid": str(SESSION),
        "scopes": ["CUSTOMER_VIEW"],
        "superuser": False,
        "type": "access",
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
    }
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


NAME = key_name(KEY)
OTHER = "another key that is long enough too"


def forged(said: dict[str, Any], *, key: str = KEY, algorithm: str | None = "HS256", kid: str | None = NAME) -> str:
    """Sign claims as somebody else might, by default with our own key under its name."""
    return jwt.encode(said, key, algorithm=algorithm, headers=None if kid is None else {"kid": kid})


def refused(tokens: Tokens, token: str, kind: str = "access") -> str:
    """Return the reason for which a token is refused, twice: remembering changes nothing."""
    reasons = []
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            tokens.verify(token, kind)
        reasons.append(caught.value.members["reason"])
        assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
    assert reasons[0] == reasons[1]
    return str(reasons[0])


def test_a_signed_token_says_what_was_signed(tokens: Tokens) -> None:
    """Everything comes back, the first time and from memory."""
    token, expires = tokens.sign("access", USER, "ann", session=SESSION, scopes=frozenset({"B", "A"}), superuser=True)
    for _ in range(2):
        said = tokens.verify(token, "access")
        assert (said.user_id, said.session, said.username, said.kind) == (USER, SESSION, "ann", "access")
        assert (sorted(said.scopes), said.superuser, said.expires) == (["A", "B"], True, float(expires))
    assert abs(expires - time.time() - 60) < 5


def test_each_kind_has_its_life(tokens: Tokens) -> None:
    """Refresh tokens live longer, and carry no permissions unless given."""
    token, expires = tokens.sign("refresh", USER, "ann", session=SESSION)
    assert abs(expires - time.time() - 600) < 5
    assert tokens.verify(token, "refresh").scopes == frozenset()


def test_two_tokens_are_never_the_same(tokens: Tokens) -> None:
    """Tokens signed in the same second differ."""
    assert tokens.sign("refresh", USER, "ann", session=SESSION) != tokens.sign("refresh", USER, "ann", session=SESSION)


def test_a_token_of_another_signer_with_our_key_is_taken(tokens: Tokens) -> None:
    """Workers and releases share a key: what is well-formed and signed with it is valid."""
    assert tokens.verify(forged(claims(scopes=None, superuser=None)), "access").username == "ann"


def test_the_wrong_kind_is_refused(tokens: Tokens) -> None:
    """A refresh token opens no door, an access token is not refreshed."""
    assert refused(tokens, tokens.sign("refresh", USER, "ann", session=SESSION)[0], "access") == "wrong_kind"
    assert refused(tokens, tokens.sign("access", USER, "ann", session=SESSION)[0], "refresh") == "wrong_kind"


def test_an_expired_token_is_refused_as_expired(tokens: Tokens) -> None:
    """The client learns that it should refresh."""
    assert refused(tokens, forged(claims(exp=int(time.time()) - 1))) == "expired"


def test_a_remembered_token_still_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory spares the cryptography, not the look at the clock."""
    token, expires = tokens.sign("access", USER, "ann", session=SESSION)
    assert tokens.verify(token, "access").expires == expires
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: expires - 0.5))
    assert tokens.verify(token, "access")
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(expires)))
    assert refused(tokens, token) == "expired"


def test_a_token_signed_with_another_key_is_refused(tokens: Tokens) -> None:
    """Only our key counts."""
    assert refused(tokens, forged(claims(), key=OTHER)) == "invalid"


@pytest.mark.parametrize("name", ["none", "None", "HS384", "HS512"])
def test_only_our_algorithm_is_taken(tokens: Tokens, name: str) -> None:
    """A token cannot choose how it is verified, least of all not at all."""
    if name.lower() == "none":
        head = (
            base64.urlsafe_b64encode(json.dumps({"alg": name, "typ": "JWT", "kid": NAME}).encode())
            .rstrip(b"=")
            .decode()
        )
        token = f"{head}.{forged(claims()).split('.')[1]}."
    else:
        token = forged(claims(), key=KEY * 3, algorithm=name)
    assert refused(tokens, token) == "invalid"


def test_a_tampered_token_is_refused(tokens: Tokens) -> None:
    """Nothing can be changed after signing: not the claims, not the signature, not the head."""
    token, _ = tokens.sign("access", USER, "ann", session=SESSION)
    head, body, signature = token.split(".")
    richer = forged(claims(superuser=True), key=OTHER).split(".")[1]
    flipped = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BA")
    for each in (
        f"{head}.{richer}.{signature}",
        f"{head}.{body}.{flipped}",
        token[:-5],
        f"{head}.{richer}.",
    ):
        assert refused(tokens, each) == "invalid"


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "..", "ü.ü.ü", "\ud800", "x" * 10_000, "null"])
def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    """Any text at all gives a refusal and no error."""
    assert refused(tokens, token) == "invalid"


@pytest.mark.parametrize("missing", ["sub", "user_id", "sid", "type", "exp"])
def test_a_token_without_a_needed_claim_is_refused(tokens: Tokens, missing: str) -> None:
    """A token that says too little is worth nothing, although its signature is right."""
    assert refused(tokens, forged(claims(**{missing: None}))) == "invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "7"},
        {"user_id": 7},
        {"user_id": ["a"]},
        {"sid": 7},
        {"sid": "x"},
        {"scopes": 5},
        {"scopes": [[]]},
        {"exp": "soon"},
    ],
    ids=repr,
)
def test_a_token_with_claims_of_the_wrong_shape_is_refused(tokens: Tokens, changes: dict[str, Any]) -> None:
    """A signature does not turn nonsense into an error of ours."""
    assert refused(tokens, forged(claims(**changes))) == "invalid"


@pytest.mark.parametrize("said", [1, "true", "True", [True]])
def test_only_true_makes_a_superuser(tokens: Tokens, said: object) -> None:
    """Whatever is merely truthy gives no power, and is no claim."""
    assert refused(tokens, forged(claims(superuser=said))) == "invalid"
    assert tokens.verify(forged(claims(superuser=False)), "access").superuser is False


def test_memory_is_bounded(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens verified last are remembered, so many and no more; a forgotten one is verified anew."""
    monkeypatch.setattr(module, "REMEMBERED", 20)
    many = [tokens.sign("access", USER, "ann", session=SESSION)[0] for _ in range(70)]
    for each in many:
        tokens.verify(each, "access")
    assert len(tokens._known) == 20
    assert many[0] not in tokens._known
    assert many[-1] in tokens._known
    assert tokens.verify(many[0], "access").username == "ann"


def test_what_was_refused_is_not_remembered(tokens: Tokens) -> None:
    """A storm of bad tokens pushes no good one out."""
    good, _ = tokens.sign("access", USER, "ann", session=SESSION)
    tokens.verify(good, "access")
    for number in range(100):
        refused(tokens, f"{good}{number}")
    assert list(tokens._known) == [good]


def test_a_former_key_verifies_and_does_not_sign(tokens: Tokens) -> None:
    """A key is changed without signing anybody out: old tokens hold, new ones are by the new key."""
    changed = Tokens(OTHER, old=(KEY,), access_seconds=60, refresh_seconds=600)
    before, _ = tokens.sign("refresh", USER, "ann", session=SESSION)
    assert changed.verify(before, "refresh").session == SESSION
    after, _ = changed.sign("refresh", USER, "ann", session=SESSION)
    assert refused(tokens, after, "refresh") == "invalid"


def test_a_key_that_was_given_up_verifies_nothing(tokens: Tokens) -> None:
    """Taking a key off the list ends all its tokens."""
    before, _ = tokens.sign("access", USER, "ann", session=SESSION)
    assert refused(Tokens(OTHER, access_seconds=60, refresh_seconds=600), before) == "invalid"


def test_a_token_is_held_to_the_key_it_names() -> None:
    """One that names no key, an unknown one, or another than signed it, is refused."""
    both = Tokens(KEY, old=(OTHER,), access_seconds=60, refresh_seconds=600)
    for key, name in ((KEY, None), (KEY, "unknown"), (KEY, key_name(OTHER)), (OTHER, key_name(KEY))):
        assert refused(both, forged(claims(), key=key, kid=name)) == "invalid"
    assert both.verify(forged(claims(), key=OTHER, kid=key_name(OTHER)), "access").user_id == USER


def test_the_name_of_a_key_is_not_the_key() -> None:
    """The name is short, the same in all workers, and has nothing of the key."""
    assert key_name(KEY) == key_name(KEY) != key_name(OTHER)
    assert len(key_name(KEY)) == 16
    assert key_name(KEY) not in KEY
