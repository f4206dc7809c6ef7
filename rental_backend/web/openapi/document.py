"""The OpenAPI document: made of the contracts, once for each application, at the first time that somebody asks."""

import gzip
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import orjson
from apispec import APISpec
from flask import Flask
from werkzeug.routing import Rule

from ... import __version__
from ..endpoint.contracts import Operation, operation_of
from ..endpoint.needs import PUBLIC
from ..endpoint.replies import JSON, entity_tag
from ..endpoint.request_parsing import ROWS_OF
from .components import HEADERS, PARAMETERS, PROBLEM
from .responses import degraded, responses, takes_key, takes_tag
from .schemas import EXAMPLE_ID, Json, Plugin, example, spoken

PART = re.compile(r"<(?:(\w+):)?(\w+)>")
CONVERTERS: dict[str, Json] = {
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "minLength": 1},
    "string": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
INTRODUCTION = (
    "How to read it: [the guide](/docs/guide) for who calls it, [the operations](/docs/operations) for who runs it. "
    "`x-needs` names the dependencies of an operation, `x-degraded` how it is answered while one is away."
)


@dataclass(frozen=True, slots=True)
class Path:
    """One method of one rule, with its view under its contract."""

    rule: Rule
    method: str
    operation: Operation

    @property
    def written(self) -> str:
        """The path as OpenAPI writes it, without the slash at its end, which is optional."""
        return PART.sub(r"{\2}", self.rule.rule).rstrip("/") or "/"

    @property
    def blueprint(self) -> str:
        """The blueprint it belongs to."""
        return str(self.rule.endpoint).rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Document:
    """The document as it is sent, plain and compressed by gzip, each with its entity tag."""

    body: bytes
    etag: str
    compressed: bytes
    compressed_etag: str


def paths(app: Flask) -> Iterator[Path]:
    """Yield every operation of an application, in the order of their paths."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is None:  # create_app refuses such a view
            continue
        for method in METHODS:
            if method in (rule.methods or ()):
                yield Path(rule, method, operation)


# D75: computed, not written.
class Documentation:
    """Keeps the document of one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = Lock()
        self._made: Document | None = None

    def document(self) -> Document:
        """Return the document, made at the first call."""
        with self._lock:
            if self._made is None:
                body = orjson.dumps(describe(self._app), default=float)
                compressed = gzip.compress(body, compresslevel=6, mtime=0)
                self._made = Document(body, entity_tag(body), compressed, entity_tag(compressed))
            return self._made


def describe(app: Flask) -> Json:
    """Return the OpenAPI document of an application."""
    plugin = Plugin()
    info = {"description": INTRODUCTION}
    spec = APISpec("rental_backend", __version__, "3.1.0", plugins=[plugin], info=info, servers=[{"url": "/"}])
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.schema("Problem", PROBLEM)
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    taken: set[str] = set()
    tags: dict[str, str] = {}
    for path in paths(app):
        spec.path(path.written, operations={path.method.lower(): _described(path, plugin, taken)})
        home = path.operation.view.__module__
        if path.blueprint not in tags or not home.endswith("web.resources"):
            tags[path.blueprint] = spoken(sys.modules[home])
    for name in sorted(tags):
        spec.tag({"name": name, "description": tags[name]})
    return dict(spec.to_dict())


def _described(path: Path, plugin: Plugin, taken: set[str]) -> Json:
    """Return one operation."""
    operation, method, rule = path.operation, path.method, path.rule.rule
    contract = operation.contract
    told = spoken(operation.view)
    summary, stop, _ = told.replace(".\n", ". ").partition(". ")
    made: Json = {
        "operationId": _identified(path, taken),
        "tags": [path.blueprint],
        "summary": summary.rstrip(".") + ".",
        "description": told if stop else "",
        "security": [] if contract.permission == PUBLIC else [{"bearer": []}],
        "parameters": [*_in_path(rule), *_in_query(operation, plugin), *_in_header(path)],
        "responses": responses(operation, method, rule, plugin.ours),
        "x-permission": contract.permission,
        "x-needs": {"required": sorted(contract.needs.required), "optional": sorted(contract.needs.optional)},
        "x-degraded": degraded(operation, method),
    }
    if contract.accepts is not None:
        made["requestBody"] = _body(operation, plugin)
    return made


def _identified(path: Path, taken: set[str]) -> str:
    """Return a name of its own: that of the view, with the method or a number where others have that already."""
    plain = path.rule.endpoint.replace(".", "_").replace("-", "_")
    named = plain if path.method != "PATCH" or len(path.rule.methods or ()) == 2 else f"{plain}_patch"
    name, number = named, 1
    while name in taken:
        number += 1
        name = f"{named}_{number}"
    taken.add(name)
    return name


def _in_path(rule: str) -> Iterator[Json]:
    for kind, name in PART.findall(rule):
        made = {"name": name, "in": "path", "required": True, "schema": CONVERTERS[kind or "string"]}
        yield {**made, "example": str(EXAMPLE_ID) if kind == "uuid" else name.replace("_", "-").upper()}


def _in_query(operation: Operation, plugin: Plugin) -> Iterator[Json]:
    query = operation.contract.query
    if query is not None:
        for name, field in query.load_fields.items():
            yield plugin.ours.parameter(name, field, query)


def _in_header(path: Path) -> Iterator[Json]:
    if takes_key(path.operation, path.method):
        yield PARAMETERS["Idempotency-Key"]
    if takes_tag(path.operation, path.method, path.rule.rule):
        yield PARAMETERS["If-Match"]


def _body(operation: Operation, plugin: Plugin) -> Json:
    form = operation.contract.accepts
    if form is None:
        return {}
    schema = plugin.ours.reference(form)
    content: Json = {JSON: {"schema": schema, "example": example(form)}}
    if form.many:
        texts = [each for each in ROWS_OF if each != JSON]
        content |= {each: {"schema": {"type": "string", "minLength": 1}} for each in texts}
    required = any(field.required for field in form.load_fields.values())
    return {"required": bool(form.many or required), "content": content}
