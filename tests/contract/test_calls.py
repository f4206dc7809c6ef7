"""The calls of the frontend: every path, parameter, body and field that its pages rely on is served.

`calls/` lists them, a file for each domain: paths below `/api`, sample values of every parameter and field (`#` is
another number in each body, names in braces are rows of `stage.py`; `many` sends an array of one body), and the fields
read from the answer (of each element, where the answer is an array). The envelope `success` is an object with that key,
which the page looks for.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.conftest import Caller
from tests.contract.stage import STAGE

pytestmark = pytest.mark.long

FILES = sorted((Path(__file__).parent / "calls").glob("*.json"))
CALLS: list[dict[str, Any]] = [{**call, "domain": file.stem} for file in FILES for call in json.loads(file.read_text())]
Walk = Iterator[None]


def _named(call: dict[str, Any]) -> str:
    return f"{call['method']} {call['path']} {'+'.join(map(str, call.get('body', {}).get('required', {}).values()))}"


def _bodies(call: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Yield what the pages send: all fields, the optional ones blank, and only the required ones."""
    if "body" not in call:
        yield None
        return
    required, optional = call["body"]["required"], call["body"]["optional"]
    forms = ({**required, **optional}, {**dict.fromkeys(optional, ""), **required}, required)
    for number, fields in enumerate(forms):
        yield {name: _filled(value, {"#": str(number)}) for name, value in fields.items()}


def _filled(value: Any, known: dict[str, str]) -> Any:
    """Put what is known into a text, or into every text of a list."""
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    for name, text in known.items() if isinstance(value, str) else ():
        value = value.replace(name, text)
    return value


def _queries(call: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield no parameters, each value of each parameter alone, and all parameters at once."""
    declared = call.get("query", {})
    yield {}
    for name, values in declared.items():
        yield from ({name: value} for value in values)
    if declared:
        yield {name: values[0] for name, values in declared.items()}


def _read(row: Any, path: str) -> Any:
    for part in path.split("."):
        name = part.removesuffix("[]")
        assert name in row, f"{path} is not in the answer"
        row = row[name]
        if part.endswith("[]"):
            assert row, f"{path} is in no element"
            row = row[0]
    return row


def walk(call: dict[str, Any], client: FlaskClient, known: dict[str, str]) -> None:
    """Send a call in all its forms and look for everything that is read from the answers."""
    path = "/api" + call["path"].format(**known)
    for query in _queries(call):
        for body in _bodies(call):
            filled = body and {
                name: _filled(value, {f"{{{key}}}": text for key, text in known.items()})
                for name, value in body.items()
            }
            asked = {name: value.format(**known) for name, value in query.items()}
            sent = [filled] if call.get("many") else filled
            answer = client.open(path, method=call["method"], query_string=asked, json=sent)
            assert answer.status_code == call.get("status", 200), f"{query} {body}: {answer.text}"
            if call["envelope"] == "empty":
                assert not answer.data
                continue
            said = answer.get_json()
            assert isinstance(said, list if call["envelope"] == "array" else dict)
            rows = said if call["envelope"] == "array" else [said]
            assert rows or query, "an empty list shows no field"
            for row in rows:
                assert row.get("success") is True or call["envelope"] != "success"
                assert "success" not in row or call["envelope"] != "object"
                for field in call["reads"]:
                    _read(row, field)


@pytest.mark.parametrize("call", CALLS, ids=_named)
def test_a_call_of_the_frontend_is_served(
    client: FlaskClient, signed_in: Caller, session: Session, call: dict[str, Any]
) -> None:
    """The path exists, takes every parameter and field that is sent, and gives every field that is read."""
    known = STAGE[call["domain"]](client, session)
    walk(call, signed_in() if call["signed_in"] else client, known)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/customer/"},
        {"method": "PATCH"},
        {"query": {"colour": ["red"]}},
        {"query": {"status": ["ASLEEP"]}},
        {"reads": ["id", "shoe_size"]},
        {"envelope": "object"},
        {"status": 201},
        {"signed_in": False},
    ],
    ids=str,
)
def test_a_call_that_is_not_served_would_be_found(
    client: FlaskClient, signed_in: Caller, session: Session, wrong: dict[str, Any]
) -> None:
    """The walk fails on a path, method, parameter, value, field, envelope or status that is not there."""
    known = STAGE["parties"](client, session)
    (listing,) = [call for call in CALLS if (call["method"], call["path"]) == ("GET", "/customers/")]
    call = {**listing, **wrong}

    with pytest.raises(AssertionError):
        walk(call, signed_in() if call["signed_in"] else client, known)
