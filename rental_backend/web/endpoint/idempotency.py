"""`Idempotency-Key`: a change that is sent again takes effect once, and is answered as it was the first time.

The key's row is the first that the request writes, in the transaction of its effect, so that both are there or neither.
Who sends the same meanwhile waits for that transaction. A refusal leaves no row: the request may be sent again with
the same key. A row is good for 24 hours; each request with a key removes some that have had their time.
"""

import hmac
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy.exc
from sqlalchemy import Table, bindparam, delete, event, func, null, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ...errors import AppError, BadRequest
from ...infra.idempotency_table import LIFETIME, IdempotencyKey
from .call import Call
from .replies import READS, Reply
from .request_parsing import received

HEADER = "Idempotency-Key"
ACCEPTABLE = re.compile(r"[!-+\--~]{1,255}")
FORM = "Send one key of 1 to 255 visible ASCII characters without commas, as which several headers arrive."
LONGEST_BODY = 2**20  # bytes of an answer that is kept
PURGED = 20
WAITED_LONG_ENOUGH = ("55P03", "57014")  # SQLSTATEs: the lock, or the statement that waits for it

_table = cast(Table, IdempotencyKey.__table__)
_keys = _table.c
_mine = _keys.caller_id == bindparam("caller"), _keys.key == bindparam("name")
_new = insert(_table).values(caller_id=bindparam("caller"), key=bindparam("name"), fingerprint=bindparam("digest"))
_CLAIM = _new.on_conflict_do_update(
    index_elements=["caller_id", "key"],
    set_={
        "fingerprint": _new.excluded.fingerprint,
        **dict.fromkeys(("status", "headers", "body"), null()),
        "created_at": func.now(),
        "expires_at": text(LIFETIME),
    },
    where=_keys.expires_at <= func.now(),
).returning(_keys.key)
_FIND = select(_keys.fingerprint, _keys.status, _keys.headers, _keys.body).where(*_mine)
_RELEASE = delete(_table).where(*_mine)
_expired = (  # as a subquery it may be run again for each row, and finds other rows each time, since it skips its own
    select(_keys.caller_id, _keys.key)
    .where(_keys.expires_at <= func.now())
    .order_by(_keys.expires_at)
    .limit(PURGED)
    .with_for_update(skip_locked=True)
    .cte("expired")
)
_KEEP = (
    update(_table)
    .where(*_mine)
    .values(status=bindparam("code"), headers=bindparam("head"), body=bindparam("said"))
    .add_cte(delete(_table).where(tuple_(_keys.caller_id, _keys.key).in_(select(_expired))).cte("purged"))
)


class InProgress(AppError):
    """The same request is still in progress (409)."""

    status, code, title = 409, "request_in_progress", "Request in progress"


class KeyReused(AppError):
    """The key belongs to another request (422)."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency-Key already used"


class AnswerNotKept(AppError):
    """The request has taken effect, and its answer was too long to be kept, or a secret (409)."""

    status, code, title = 409, "answer_not_kept", "Already done"


REFUSALS: dict[type[AppError], str] = {InProgress: "in_progress", KeyReused: "reused", AnswerNotKept: "not_kept"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a caller, and the digest of the request they sent with it."""

    caller: Any
    name: str
    digest: bytes

    # D65: the first row that its request writes.
    def claim(self, session: Session) -> Reply | None:
        """Make the key this request's, and return None; or the answer to the same request of before."""
        values = {"caller": self.caller, "name": self.name}
        try:
            if session.execute(_CLAIM, {**values, "digest": self.digest}).first():
                return None
        except sqlalchemy.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in WAITED_LONG_ENOUGH:
                raise _in_progress() from error
            raise
        found = session.execute(_FIND, values).first()
        if found is None:  # it was removed at this moment
            raise _in_progress()
        if not hmac.compare_digest(found.fingerprint, self.digest):
            raise KeyReused(f"This {HEADER} was sent with another request. Send a new key.")
        if found.status is None:
            raise AnswerNotKept("This request was done before. Its answer is not kept; read the current state.")
        return Reply(bytes(found.body), found.status, {**found.headers, "Idempotency-Replayed": "true"})

    def keep(self, session: Session, reply: Reply) -> None:
        """Keep the answer, unless it is too long: then it is only known that the request has taken effect."""
        if isinstance(reply.body, bytes) and len(reply.body) <= LONGEST_BODY:
            values = {"code": reply.status, "head": reply.headers, "said": reply.body}
            session.execute(_KEEP, {"caller": self.caller, "name": self.name, **values})

    def release(self, session: Session) -> None:
        """Release the key for the next request that sends it."""
        session.execute(_RELEASE, {"caller": self.caller, "name": self.name})


def once(call: Call, session: Session, sent: str, make: Callable[[], Reply]) -> Reply:
    """Return the answer that `make` makes; if the key was sent before, the one that it made then.

    Raises `InProgress`, `KeyReused` or `AnswerNotKept`. Only who is signed in has keys. Of an answer that is secret
    nothing is stored, but that there was one.
    """
    if call.caller is None or call.request.method in READS:
        return make()
    key, counters = _key(call, call.caller.id, sent), call.services.idempotency
    try:
        earlier = key.claim(session)
    except (InProgress, KeyReused, AnswerNotKept) as refused:
        counters.add(REFUSALS[type(refused)])
        raise
    if earlier is not None:
        counters.add("replayed")
        return earlier
    try:
        reply = make()
    except AppError as error:
        if error.keeps_transaction:
            key.release(session)
        raise
    if not call.operation.contract.secret:
        key.keep(session, reply)
    event.listen(session, "after_commit", lambda _: counters.add("stored"), once=True)
    return reply


def _key(call: Call, caller: uuid.UUID, sent: str) -> Key:
    """Return the key that was sent.

    Bodies hold passwords, so their digest is made with our own key: what is stored cannot be guessed at.
    """
    if not ACCEPTABLE.fullmatch(sent):
        raise BadRequest(f"{HEADER}: {FORM}", code="invalid_idempotency_key")
    request = call.request
    parts = (request.method.encode(), request.path.encode(), request.query_string, received(request))
    secret = call.services.config.secret_key.encode()
    return Key(caller, sent, hmac.digest(secret, b"\0".join(parts), "sha256"))


def _in_progress() -> InProgress:
    return InProgress("The same request is still in progress. Try again in 1 s.", headers={"Retry-After": "1"})
