"""From the schemas of the contracts to JSON Schema, with apispec, and the examples that go with it.

What a schema only answers (`Output`) is described as it is sent: every member is there, and may be null. What it reads
is described as it is checked. The server takes a little more than that: other notations of numbers and dates, and `""`
for a field that is not sent.
"""

import inspect
import uuid
from typing import Any, TypeVar

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, validate

from ...fields import TextOrEmpty
from ...guards import guard_of
from ...schemas import Output, Payload

T = TypeVar("T")
Json = dict[str, Any]
EXAMPLE_ID = uuid.uuid5(uuid.NAMESPACE_URL, "rental_backend example")
SENT = (
    "type",
    "format",
    "enum",
    "items",
    "additionalProperties",
    "$ref",
    "allOf",
    "anyOf",
)  # rules are for what is read
NOTED = ("readOnly", "writeOnly")


class JsonSchemas(OpenAPIConverter):
    """apispec's converter, with our kinds of schemas and fields."""

    def schema2jsonschema(self, schema: Schema) -> Json:
        """Return a schema as JSON Schema."""
        answers = isinstance(schema, Output)
        found = schema.dump_fields if answers else schema.load_fields
        properties = {field.data_key or name: self._property(field, answers=answers) for name, field in found.items()}
        required = [field.data_key or name for name, field in found.items() if answers or field.required]
        if isinstance(schema, Payload) and not answers:
            for other, name in schema.ALIASES.items():
                if name in properties:
                    properties.setdefault(other, {**properties[name], "description": f"Another name of `{name}`."})
        made: Json = {"type": "object", "description": spoken(type(schema)), "properties": properties}
        return {**made, **({"required": required} if required else {}), "additionalProperties": False}

    def reference(self, schema: Schema) -> Json:
        """Return what refers to a schema, or to an array of such, and add it to the document."""
        found: Json = self.resolve_nested_schema(schema)  # type: ignore[no-untyped-call]
        return found

    def _property(self, field: fields.Field[T], *, answers: bool) -> Json:
        made = self.field2property(field)
        if not answers:
            guard = guard_of(field)
            asked = {"x-permission": guard.said()} if guard else {}
            return _read(field, {name: value for name, value in made.items() if name not in NOTED}) | asked
        return _nullable(field, {name: value for name, value in made.items() if name in SENT})

    def parameter(self, name: str, field: fields.Field[T], schema: Schema) -> Json:
        """Return a field of a query as a parameter."""
        told = next(each for each in reversed(type(schema).__mro__) if name in getattr(each, "_declared_fields", {}))
        made = {
            "name": field.data_key or name,
            "in": "query",
            "required": field.required,
            "description": spoken(told),
            "schema": self._property(field, answers=False),
        }
        if isinstance(field, fields.List):
            made |= {"style": "form", "explode": False}  # one parameter, divided by commas
        shown = getattr(schema, "EXAMPLE", {}).get(made["name"])
        return made | ({"example": shown or value(field)} if field.required else {})


class Plugin(MarshmallowPlugin):
    """apispec's plugin, with our converter, and names of schemas that do not depend on who came first."""

    Converter = JsonSchemas

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=self._named)
        self._names: dict[str, type] = {}

    @property
    def ours(self) -> JsonSchemas:
        """The converter, once there is a document."""
        if not isinstance(self.converter, JsonSchemas):
            raise TypeError("The plugin belongs to no document.")
        return self.converter

    def _named(self, schema: Schema | type[Schema]) -> str:
        """Return the name of a schema's class, with that of its domain where another bears it already."""
        made = schema if isinstance(schema, type) else type(schema)
        name = made.__name__.removesuffix("Schema")
        if self._names.setdefault(name, made) is made:
            return name
        return made.__module__.split(".")[-2].title() + name


def spoken(thing: object) -> str:
    """Return a docstring as it is read, without the breaks of its lines."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(thing) or "").split("\n\n"))


def _read(field: fields.Field[T], made: Json) -> Json:
    """Mend what apispec says of a field that is read."""
    if made.get("default", ...) is None:
        del made["default"]
    if "pattern" in made:  # Python's, which is matched at the beginning
        made["pattern"] = f"^(?:{made['pattern'].replace(chr(92) + 'Z', '$')})"
    for rule in field.validators:
        if isinstance(rule, validate.Range) and not rule.min_inclusive and "minimum" in made:
            made["exclusiveMinimum"] = made.pop("minimum")
    return made


def _nullable(field: fields.Field[T], made: Json) -> Json:
    """Let an answered value be null, but where it never is."""
    if isinstance(field, TextOrEmpty) or (field.name == "id" and not field.attribute):
        return made
    if "$ref" in made:
        return {"anyOf": [made, {"type": "null"}]}
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def example(schema: Schema) -> Any:
    """Return a body that a schema takes: its required fields, and what its class says."""
    given = getattr(schema, "EXAMPLE", {})
    made = {
        field.data_key or name: value(field)
        for name, field in schema.load_fields.items()
        if field.required and (field.data_key or name) not in given
    }
    return [{**made, **given}] if schema.many else {**made, **given}


def value(field: fields.Field[T]) -> Any:
    """Return a value that a field takes."""
    choices = next((rule.choices for rule in field.validators if isinstance(rule, validate.OneOf)), None)
    if choices is not None:
        return next(iter(choices))
    match field:
        case fields.Enum():
            members = list(field.enum.__members__.values())
            return members[0].value
        case fields.UUID():
            return str(EXAMPLE_ID)
        case fields.List():
            return [value(field.inner)]
        case fields.Boolean():
            return True
        case fields.Number():
            return 1
        case fields.Email():
            return "ada@example.com"
        case fields.Date():
            return "2030-01-01"
        case fields.DateTime():
            return "2030-01-01T00:00:00Z"
        case fields.Nested():
            return example(field.schema)
        case fields.Dict():
            return {}
    return (field.name or "text").replace("_", "-").upper()[: _longest(field)]


def _longest(field: fields.Field[T]) -> int | None:
    return next((rule.max for rule in field.validators if isinstance(rule, validate.Length)), None)
