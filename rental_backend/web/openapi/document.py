"""The OpenAPI document: made from the contracts, once for each application, when it is first requested."""

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
from ..endpoint.contracts import Operation, View, operation_of
from ..endpoint.needs import PUBLIC
from ..endpoint.replies import JSON, entity_tag
from ..endpoint.request_parsing import ROWS_OF
from ..resource.resource import Resource
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
    "Read first: [the guide](/docs/guide) for API clients, [the operations guide](/docs/operations) for operators. "
    "`x-needs` names the dependencies of an operation. `x-degraded` says what the operation answers during an outage "
    "of each dependency."
)


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A method of a rule, with its view under its contract."""

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
    """Yield every operation of an application, sorted by path."""
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
    with app.app_context():
        return _description(app)


def _description(app: Flask) -> Json:
    plugin = Plugin()
    info = {"description": INTRODUCTION}
    spec = APISpec("rental_backend", __version__, "3.1.0", plugins=[plugin], info=info, servers=[{"url": "/"}])
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.schema("Problem", PROBLEM)
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    taken: set[str] = set()
    every = list(paths(app))
    twins = _twins(every)
    for path in every:
        described = _described(path, twins.get(path), plugin, taken)
        spec.path(path.written, operations={path.method.lower(): described})
    for name in sorted({path.blueprint for path in every}):
        spec.tag({"name": name, "description": _about(name, app.blueprints[name].import_name)})
    return dict(spec.to_dict())


def _twins(every: list[Path]) -> dict[Path, Path]:
    """Return each path of a view that has another one already, with that one. A view has its shortest path first."""
    last: dict[View, Path] = {}
    found: dict[Path, Path] = {}
    for path in sorted(every, key=lambda path: len(path.written)):
        if path.operation.view in last:
            found[path] = last[path.operation.view]
        last[path.operation.view] = path
    return found


def _about(name: str, module: str) -> str:
    """Return what the blueprint of a module is about: the summary of the module, or the name of a `Resource`."""
    if module == Resource.__module__:
        return f"{re.sub('[-_]', ' ', name).capitalize()}."
    return spoken(sys.modules[module]).partition("\n\n")[0]


def _worded(path: Path, twin: Path | None) -> tuple[str, str]:
    """Return the summary and the description of an operation; a `twin` is another path or method of its view."""
    summary, _, description = spoken(path.operation.view).replace(".\n\n", ". ", 1).partition(". ")
    summary = summary.rstrip(".")
    if twin is not None:
        summary += f" (same as {twin.method if twin.written == path.written else twin.written})"
    return f"{summary}.", description


def _described(path: Path, twin: Path | None, plugin: Plugin, taken: set[str]) -> Json:
    """Return an operation."""
    operation, method, rule = path.operation, path.method, path.rule.rule
    contract = operation.contract
    summary, description = _worded(path, twin)
    made: Json = {
        "operationId": _identified(path, taken),
        "tags": [path.blueprint],
        "summary": summary,
        "description": description,
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
    """Return a unique name: the name of the view, with the method or a number where the name is taken."""
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
