"""What a view cannot do without, its form requires: else what is missing would be an error of ours."""

import inspect

from flask import Flask
from marshmallow import Schema, missing

from .walking import routes

FILLED = {  # by the form itself, from another name
    "POST /api/master-data/item-master/skus/generate: is_rentable",
    "PUT /api/system-settings/currency: code",
    "PUT /api/system/currency: code",
}


def test_what_a_view_needs_is_required(app: Flask) -> None:
    """Each parameter without a default that a form fills is required there, or filled by the form."""
    wrong, needed = [], 0
    for route in routes(app, "POST", "PUT", "PATCH", "DELETE"):
        parameters = inspect.signature(app.view_functions[route.rule.endpoint].__wrapped__).parameters  # type: ignore[attr-defined]
        forms = [each for each in (route.contract.accepts, route.contract.query) if isinstance(each, Schema)]
        for name, field in (pair for form in forms for pair in form.fields.items()):
            parameter = parameters.get(field.attribute or name)
            if parameter and parameter.default is parameter.empty and name not in route.rule.arguments:
                needed += 1
                if not field.required and field.load_default is missing:
                    wrong.append(f"{route.method} {route.rule.rule}: {name}")
    assert needed > 20
    assert set(wrong) == FILLED
