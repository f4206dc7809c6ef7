"""What every refusal looks like, whatever was refused."""

from typing import Any

from werkzeug.test import TestResponse

MEMBERS = {"type": str, "title": str, "status": int, "detail": str, "code": str, "request_id": str}


def refusal(response: TestResponse, *statuses: int, fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the problem document of an answer, after a look at its shape and at the fields it has to name."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:500]}"
    assert response.content_type == "application/problem+json"
    said: dict[str, Any] = response.get_json()
    for member, kind in MEMBERS.items():
        assert isinstance(said.get(member), kind), f"{member} of {said}"
    assert said["status"] == response.status_code
    assert said["request_id"] == response.headers["X-Request-ID"]
    assert said["type"] == f"/problems/{said['code'].replace('_', '-')}"
    for field in fields:
        assert said["errors"][field], said
        assert field in said["detail"], said
    return said
