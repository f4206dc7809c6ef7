"""Fields that take a permission of their own: the one place that asks for it, wherever such a field comes in.

A field that says what is stored already is no offence, since pages send whole forms: it is left out. For a new row that
is the default. Any other value needs the permission, in the form of a row, among many rows, and within another form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...guards import Guard, guard_of
from .permission_denials import field_errors, forbidden_fields, record_denied
from .principal import Principal

T = TypeVar("T")
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GuardedForm:
    """The guarded fields of a form by the names of its values, and the forms within it that have some."""

    stored: Any
    guards: Mapping[str, Guard]
    nested: "Mapping[str, GuardedForm]"

    def attribute(self, name: str) -> str:
        """Return what `stored` calls the present value of a field."""
        named = self.guards[name].stored
        return name if named is None else named

    def new(self) -> Values:
        """Return the values that a new row has where none are sent."""
        return {name: self._default(self.attribute(name)) for name in self.guards if self.attribute(name)}

    def _default(self, name: str) -> object:
        default = getattr(self.stored.__table__.c.get(name), "default", None)
        return default.arg if default is not None and default.is_scalar else None


@dataclass(frozen=True, slots=True)
class Sifted:
    """Values without the ones that say nothing new, and the permissions that others lack, by field."""

    kept: dict[str, Any]
    lacking: dict[str, str]


def guarded_form(schema: Schema | None) -> GuardedForm | None:
    """Return the guarded fields of a form, None if there are none. Raises `TypeError` for one that cannot be held."""
    if schema is None:
        return None
    guards, nested = {}, {}
    for name, field in schema.load_fields.items():
        guard = guard_of(field)
        if guard is not None:
            guards[field.attribute or name] = guard
            if field.required:
                raise TypeError(f"{name} of {type(schema).__name__} is required, so it takes what its operation takes.")
        inner = guarded_form(_form_within(field))
        if inner is not None:
            nested[field.attribute or name] = inner
    stored = getattr(schema, "STORED", None)
    if guards and stored is None:
        raise TypeError(f"{type(schema).__name__} guards {', '.join(guards)}, and does not say what is STORED.")
    return GuardedForm(stored, guards, nested) if guards or nested else None


def _form_within(field: fields.Field[T]) -> Schema | None:
    inner = field.inner if isinstance(field, fields.List) else field
    return inner.schema if isinstance(inner, fields.Nested) else None


def permitted(
    caller: Principal, form: GuardedForm, arguments: Values, session: Session, *, row: object
) -> dict[str, Any]:
    """Return what a view is given: without guarded fields that change nothing and that the caller may not change.

    `row` is the id of the row that the path names, None if it names none: then a row is made.

    Raises `Forbidden`, which names the fields and the permissions, if one changes something. Of many rows each is
    refused by itself, when it is known what fits the form: see `permitted_rows`.
    """
    if "rows" in arguments:
        return {**arguments}
    present = form.new() if row is None else _present(session, form, _lacking(caller, form, arguments), row)
    sifted = _sift(caller, form, arguments, present)
    if sifted.lacking:
        raise forbidden_fields(caller, sifted.lacking)
    return sifted.kept


def permitted_rows(
    caller: Principal, form: GuardedForm | None, rows: Mapping[int, Values]
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """Return of new rows what is made of each, as `permitted`, and the messages about the refused ones."""
    if form is None or caller.superuser:
        return {number: {**values} for number, values in rows.items()}, {}
    sifted = {number: _sift(caller, form, values, form.new()) for number, values in rows.items()}
    refused = {number: each.lacking for number, each in sifted.items() if each.lacking}
    record_denied(caller, *{permission for lacking in refused.values() for permission in lacking.values()})
    told = {number: field_errors(lacking) for number, lacking in refused.items()}
    return {number: each.kept for number, each in sifted.items() if number not in refused}, told


def _sift(caller: Principal, form: GuardedForm, values: Values, present: Values | None) -> Sifted:
    """Look at the guarded fields among values; `present` has what is stored, None where there is no such row."""
    asked = _lacking(caller, form, values)
    kept = {name: value for name, value in values.items() if name not in asked}
    lacking = {
        name: permission
        for name, permission in asked.items()
        if present is not None and not _same(values[name], present.get(name, ...))
    }
    for name, inner in form.nested.items():
        within = kept.get(name)
        parts = within if isinstance(within, list) else [within] if isinstance(within, dict) else []
        sifted = [_sift(caller, inner, part, inner.new()) for part in parts]
        lacking |= {f"{name}.{field}": each for one in sifted for field, each in one.lacking.items()}
        if sifted:
            kept[name] = [one.kept for one in sifted] if isinstance(within, list) else sifted[0].kept
    return Sifted(kept, lacking)


def _lacking(caller: Principal, form: GuardedForm, values: Values) -> dict[str, str]:
    """Return the permissions that the caller lacks, by the fields that take them with what is sent."""
    asked = ((name, guard.asks_for(values[name])) for name, guard in form.guards.items() if name in values)
    return {name: permission for name, permission in asked if permission and not caller.may(permission)}


def _present(session: Session, form: GuardedForm, names: Iterable[str], row: object) -> Values | None:
    """Return the stored values of guarded fields of a row; None if there is no such row."""
    columns = [getattr(form.stored, form.attribute(name)).label(name) for name in names if form.attribute(name)]
    if not columns:
        return {}
    found = session.execute(select(*columns).where(form.stored.id == row)).one_or_none()
    return None if found is None else {**found._mapping}


def _same(sent: object, present: object) -> bool:
    """Tell whether a value is what is stored; named rows, which are stored as ids by name, may be sent by either."""
    if isinstance(present, dict) and isinstance(sent, list):
        names = {str(key): name for name, key in present.items()}
        return {names.get(each, each) for each in sent} == set(present)
    return sent == present or (not sent and present is None)  # a page sends 0 for a number that is not there
