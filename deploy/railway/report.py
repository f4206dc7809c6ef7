"""What a command says: progress while it works, and a result; neither ever shows a secret."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from deploy.railway.clock import Clock
from deploy.railway.exits import Exit

HIDDEN = "[hidden]"
SHORTEST = 6  # a value shorter than that guards nothing, and hiding it would garble what is said
CREDENTIALS = re.compile(r"(\w[\w+.-]*://)[^\s/@]+@")
NAMED = re.compile(
    r"(?i)((?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[:=]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|(?:bearer\s+)?[^\s\"',;]+)"
)
OPEN = re.compile(r"RAILWAY_\w+|PORT|ENVIRONMENT|MODE|LOG_LEVEL|CORS_ORIGINS|ACTIVE_SLOT|\w+_(HOST|PORT)")


def secrets_of(variables: Mapping[str, str]) -> set[str]:
    """The values of variables that must not be shown, and the passwords in them: all not known to be harmless."""
    closed = {value for name, value in variables.items() if not OPEN.fullmatch(name) and not value.isdecimal()}
    passwords = {found[1] for value in variables.values() if (found := re.search(r"://[^/@]*:([^/@]+)@", value))}
    return closed | passwords


def without_named(text: str) -> str:
    """What somebody else wrote, without what is named a password, a token or the like in it."""
    return NAMED.sub(rf"\1{HIDDEN}", text)


@dataclass(frozen=True)
class Result:
    """How a command ended: its code, one line, further lines for a human, and the same as data."""

    code: Exit
    summary: str
    lines: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


class Report:
    """Writes for a human, or with `as_json` one object on standard output; progress always goes to standard error."""

    def __init__(
        self, clock: Clock, *, as_json: bool, output: TextIO | None = None, errors: TextIO | None = None
    ) -> None:
        self._clock, self._as_json = clock, as_json
        self._output, self._errors = output or sys.stdout, errors or sys.stderr
        self._began = clock.now()
        self._secrets: set[str] = set()

    def hide(self, values: Iterable[str]) -> None:
        """Never show these values from now on."""
        self._secrets |= {value for value in values if len(value) >= SHORTEST}

    def redact(self, text: str) -> str:
        """Return the text without the values to be hidden and passwords in URLs."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return CREDENTIALS.sub(rf"\1{HIDDEN}@", text)

    def say(self, line: str) -> None:
        """Tell how far the work is."""
        elapsed = self._clock.now() - self._began
        print(f"[{elapsed:6.1f} s] {self.redact(line)}", file=self._errors, flush=True)

    def finish(self, command: str, result: Result) -> int:
        """Tell the result; return the exit code."""
        if self._as_json:
            told = {"command": command, "exit": int(result.code), "outcome": result.code.name.lower()}
            notes = {} if result.data.keys() & {"findings", "lines"} else {"notes": result.lines}
            told |= {"summary": result.summary, **result.data, **notes}
            print(json.dumps(self._clean(told), default=str), file=self._output, flush=True)
            return int(result.code)
        for line in (*result.lines, result.summary):
            print(self.redact(line), file=self._output, flush=True)
        return int(result.code)

    def _clean(self, value: Any) -> Any:
        """Redact every text within a value, before JSON escapes any of it."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact(str(key)): self._clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in value]
        return value
