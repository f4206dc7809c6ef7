"""The look at a refusal sees whatever is wrong with it."""

from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from tests.refusals import MEMBERS, refusal

SAID: dict[str, Any] = {
    "type": "/problems/validation-failed",
    "title": "Unprocessable",
    "status": 422,
    "detail": "email: Not an address.",
    "code": "validation_failed",
    "request_id": "r-1",
    "errors": {"email": ["Not an address."]},
}
PROBLEM = "application/problem+json"


def _answer(
    status: int = 422, content_type: str = PROBLEM, request_id: str = "r-1", /, **members: object
) -> TestResponse:
    said = {name: value for name, value in {**SAID, **members}.items() if value is not None}
    headers = {"Content-Type": content_type, "X-Request-ID": request_id}
    return TestResponse(iter([orjson.dumps(said)]), str(status), headers, Request({}))  # type: ignore[arg-type]


def test_a_refusal_that_is_right_is_returned() -> None:
    """With all that it says."""
    assert refusal(_answer(), 409, 422, fields=("email",)) == SAID


WRONG = {
    "status": _answer(409),
    "content type": _answer(422, "application/json"),
    "request id": _answer(422, PROBLEM, "r-2"),
    "status in the body": _answer(status=400),
    "type": _answer(type="/problems/validation_failed"),
    "no errors": _answer(errors={}),
    "another field": _answer(errors={"phone": ["Too long."]}),
    "nothing said of the field": _answer(errors={"email": []}),
    "field not told": _answer(detail="Not an address."),
    **{f"no {name}": _answer(**{name: None}) for name in MEMBERS},
    **{f"{name} of another kind": _answer(**{name: ["x"]}) for name in MEMBERS},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_with_a_refusal_is_noticed(wrong: TestResponse) -> None:
    """Each member, both headers, and the fields that it has to name."""
    with pytest.raises((AssertionError, KeyError)):
        refusal(wrong, 422, fields=("email",))
