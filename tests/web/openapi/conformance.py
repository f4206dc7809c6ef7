"""Whether an answer is one that the OpenAPI document tells of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse

EVERYWHERE = {"Content-Type", "Content-Length", "Vary", "Allow", "Connection", "Cache-Control", "Content-Encoding"}


@dataclass(frozen=True)
class Documented:
    """A document, and what it says of each operation."""

    document: dict[str, Any]

    @cached_property
    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """(method, path, operation) of each operation, by its id."""
        return {
            said["operationId"]: (method.upper(), path, said)
            for path, item in self.document["paths"].items()
            for method, said in item.items()
        }

    def faults(self, name: str, response: TestResponse) -> list[str]:
        """Return what the document does not tell of an answer of an operation: its status, type, headers or body."""
        said = self.operations[name][2]["responses"].get(str(response.status_code))
        if said is None:
            return [f"{name}: {response.status} is not documented: {response.get_data(as_text=True)[:300]}"]
        found = [
            f"{name}: {response.status_code}: the header {header} is not documented"
            for header in response.headers.keys()  # noqa: SIM118 - they are no dict
            if header.startswith(("X-", "Age", "Warning", "Retry", "Location", "Idempotency"))
            and header not in said.get("headers", {})
            and header not in ("X-Content-Type-Options", "X-Frame-Options")
        ]
        content = said.get("content", {})
        if not content:
            return [*found, *([f"{name}: a body where there is to be none"] if response.get_data() else [])]
        if response.mimetype not in content:
            return [*found, f"{name}: {response.status_code}: {response.mimetype} is not one of {sorted(content)}"]
        if response.is_json:
            found += self._misfits(name, content[response.mimetype]["schema"], response.get_json())
        return found

    def _misfits(self, name: str, schema: dict[str, Any], body: Any) -> list[str]:
        whole = {**schema, "components": self.document["components"]}
        judge = Draft202012Validator(whole, format_checker=FormatChecker())
        return [f"{name}: {error.json_path}: {error.message[:300]}" for error in judge.iter_errors(body)]
