"""The one way to Railway's API: reads are repeated when they fail, changes never are."""

import json
import random
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from deploy.railway.clock import Clock
from deploy.railway.exits import NoVerdict, Unauthorised, UsageError
from deploy.railway.operations import Operation
from deploy.railway.transport import OPENER, on_this_machine

API = "https://backboard.railway.com/graphql/v2"
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
DENIALS = ("not authorized", "project token not found", "two factor authentication required")


class NotDone(Exception):
    """The request certainly changed nothing: it did not arrive, or was refused before it was acted on."""

    def __init__(self, message: str, *, retry_after: float | None = None, lasting: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.lasting = retry_after, lasting


class Unknown(Exception):
    """The request may have been carried out: its answer is missing, or is not one that can be trusted."""


@dataclass(frozen=True, repr=False)
class Token:
    """What opens the API. A project token has a header of its own; as a bearer it is refused."""

    header: str
    value: str
    secret: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Token | None":
        """RAILWAY_TOKEN is a project token and counts first, RAILWAY_API_TOKEN one of an account or workspace."""
        if token := environ.get("RAILWAY_TOKEN", "").strip():
            return cls("Project-Access-Token", token, token)
        if token := environ.get("RAILWAY_API_TOKEN", "").strip():
            return cls("Authorization", f"Bearer {token}", token)
        return None

    @property
    def of_project(self) -> bool:
        """Whether it belongs to one environment of one project."""
        return self.header == "Project-Access-Token"


class Client:
    """Sends operations to `url` with `token`; all of it together ends at `deadline` of the clock."""

    def __init__(self, url: str, token: Token, clock: Clock, *, deadline: float, patience: float = 30.0) -> None:
        if not url.startswith("https://") and not on_this_machine(url):
            raise UsageError("the API is asked by https only: the token would be readable")
        self.token = token
        self._url, self._clock, self._deadline, self._patience = url, clock, deadline, patience

    def read(self, operation: Operation, **variables: Any) -> dict[str, Any]:
        """The data of a query, asked for up to five times. Raises `NoVerdict`, or `Unauthorised` at once."""
        for attempt in range(ATTEMPTS):
            try:
                return self._send(operation, variables)
            except (NotDone, Unknown) as error:
                fault = error
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.8, 1.2)  # noqa: S311 - a jitter
            if isinstance(fault, NotDone):
                pause = max(pause, fault.retry_after or 0)
            lasting = isinstance(fault, NotDone) and fault.lasting
            if lasting or attempt == ATTEMPTS - 1 or self._clock.now() + pause > self._deadline:
                break
            self._clock.sleep(pause)
        raise NoVerdict(f"{operation.name} was not answered: {fault}")

    def change(self, operation: Operation, **variables: Any) -> dict[str, Any]:
        """The data of a mutation, sent once. Raises `NotDone`, `Unknown` or `Unauthorised`."""
        return self._send(operation, variables)

    def _send(self, operation: Operation, variables: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in variables.items() if value is not None}  # null would unset a field
        body = {"query": operation.text, "variables": given, "operationName": operation.name}
        request = urllib.request.Request(  # noqa: S310 - https, see above
            self._url,
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "User-Agent": "rental_backend railway-tool",
                self.token.header: self.token.value,
            },
        )
        try:
            with OPENER.open(request, timeout=self._patience) as answer:
                return _data(answer.read())
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except urllib.error.URLError as error:
            raise _lost(error.reason) from None
        except (OSError, HTTPException, ValueError) as error:  # a timeout, a reset, a torn answer; no JSON
            raise Unknown(f"no trustworthy answer ({type(error).__name__})") from None


def _data(body: bytes) -> dict[str, Any]:
    """The data of an answer with status 200, which may hold errors all the same."""
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise Unknown("an answer that is no object")
    if errors := answer.get("errors"):
        raise _fault(errors)
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Unknown("an answer without data")
    return data


def _fault(errors: Any) -> Exception:
    """What the errors of an answer mean. Only a denial says for certain that nothing was done."""
    first = errors[0] if isinstance(errors, list) and errors else {}
    message = str(first.get("message", "no message") if isinstance(first, dict) else first)[:200]
    if any(denial in message.lower() for denial in DENIALS):
        return Unauthorised(f"the platform says: {message} (a wrong token, or one of another project)")
    return Unknown(f"the platform says: {message}")


def _refusal(error: urllib.error.HTTPError) -> Exception:
    if error.code in (401, 403):
        return Unauthorised(f"the platform refuses the token (status {error.code})")
    if error.code == 429:
        return NotDone("too many requests", retry_after=_seconds(error.headers.get("Retry-After")))
    if 300 <= error.code < 500:
        return NotDone(f"the platform refuses the request (status {error.code})", lasting=True)
    return Unknown(f"status {error.code}")


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; the form with a date is not used by the platform."""
    return float(text) if text and text.isdecimal() else None


def _lost(reason: Any) -> Exception:
    """A connection that could not be made carried nothing; one that broke may have."""
    if isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return NotDone(f"no connection ({type(reason).__name__})")
    return Unknown(f"the connection was lost ({type(reason).__name__})")
