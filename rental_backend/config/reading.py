"""How declared settings are read from an environment, what production cannot be without, and what is made up."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import Field
from typing import Any, cast

from marshmallow import EXCLUDE, Schema, ValidationError, post_load, validates_schema
from marshmallow import fields as m

from .urls import UrlError, read_postgres

REQUIRED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL")  # in production


class ConfigError(Exception):
    """The environment cannot be used; the message names every setting at fault, and never a value."""


def read(settings: Iterable[Field[object]], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the values by field; blank variables count as unset. Raises `ConfigError` naming all faults at once."""
    given = {name: value for name, value in environ.items() if value.strip()}
    try:
        return cast("dict[str, Any]", _schema(settings)().load(given))
    except ValidationError as error:
        said = cast("dict[str, list[str]]", error.messages)
        faults = "; ".join(f"{name}: {' '.join(said[name])}" for name in sorted(said))
        raise ConfigError(f"Configuration refused. {faults}") from None


def _schema(settings: Iterable[Field[object]]) -> type[Schema]:
    """Build the marshmallow schema of declared settings."""
    declared: dict[str, m.Field[Any]] = {}
    for each in settings:
        kind = each.metadata["kind"]
        kind.attribute, kind.data_key = each.name, each.metadata["name"]
        declared[each.name] = kind

    class _Environment(Schema):
        class Meta:
            unknown = EXCLUDE

        @validates_schema(pass_original=True, skip_on_field_errors=False)
        def require_secrets(self, _: dict[str, object], given: dict[str, str], **__: object) -> None:
            _require(given)

        @post_load
        def finish(self, data: dict[str, object], **_: object) -> dict[str, object]:
            return _complete(data)

    return type("Environment", (_Environment,), dict(declared))


def _require(given: Mapping[str, str]) -> None:
    """Refuse a production environment that lacks what has no default there."""
    environment = given.get("ENVIRONMENT", "production")
    if environment in ("production", "staging"):
        faults = {name: [f"Required in {environment}."] for name in REQUIRED if name not in given}
        if faults:
            raise ValidationError(cast("Any", faults))
    if "OIDC_ISSUER" in given:
        _require_trust(given, open_to_all=environment in ("production", "staging"))
    if "DATABASE_UNPOOLED_URL" not in given and _is_pooled(given):
        message = "Required with a pooler: migrations and backups keep a connection to themselves."
        raise ValidationError(cast("Any", {"DATABASE_UNPOOLED_URL": [message]}))


def _is_pooled(given: Mapping[str, str]) -> bool:
    """Tell whether the road to the database leads through a pooler."""
    try:
        hint = read_postgres(given.get("DATABASE_URL", "")).pooled
    except UrlError:  # which is told by its own name
        return False
    return given.get("DATABASE_POOLER", "transaction" if hint else "none") != "none"


def _require_trust(given: Mapping[str, str], *, open_to_all: bool) -> None:
    """Refuse half an issuer, and keys that anybody on the way could change."""
    faults = {name: ["Required with OIDC_ISSUER."] for name in ("OIDC_AUDIENCE", "OIDC_JWKS_URL") if name not in given}
    if open_to_all and not given.get("OIDC_JWKS_URL", "https://").startswith("https://"):
        faults["OIDC_JWKS_URL"] = ["Must be https here."]
    if faults:
        raise ValidationError(cast("Any", faults))


def _complete(data: dict[str, object]) -> dict[str, object]:
    """Make up a key outside production; URLs get the driver's scheme."""
    data.setdefault("secret_key", secrets.token_urlsafe(48))
    for key in ("database_url", "auth_database_url", "database_unpooled_url", "database_replica_url"):
        if key in data:
            data[key] = driver_url(str(data[key]))
    return data


def driver_url(url: str) -> str:
    """Return a PostgreSQL URL of any accepted form with the driver's scheme, as SQLAlchemy wants it."""
    return "postgresql+psycopg://" + url.partition("://")[2]
