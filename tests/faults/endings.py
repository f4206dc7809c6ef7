"""People who lose their sessions or their rights, each in another way, and what their tokens get afterwards."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from rental_backend.accounts.models import Role
from rental_backend.config import driver_url
from tests import factories

PASSWORD = factories.PASSWORD
HARMFUL = "CUSTOMER_DELETE"
OUT = (401, 403)
TRIES = 30  # requests with the access token, and as many exchanges of the refresh token
ENDED = "ended"
ROLE = "KEEPER"


@dataclass
class Person:
    """Somebody who has signed in: their id, tokens, and whether their session is to be `ended` or their rights."""

    name: str
    id: uuid.UUID
    access: str = ""
    refresh: str = ""
    statuses: dict[str, list[int]] = field(default_factory=dict)

    def sign_in(self, url: str) -> None:
        """Sign in with the password."""
        told = requests.post(
            f"{url}/api/auth/login", json={"username": self.name, "password": PASSWORD}, timeout=10
        ).json()
        self.access, self.refresh = told["access_token"], told["refresh_token"]

    def call(self, url: str, method: str, path: str, **body: object) -> requests.Response:
        """Make a request with the access token."""
        headers = {"Authorization": f"Bearer {self.access}"}
        return requests.request(method, f"{url}{path}", headers=headers, json=body or None, timeout=10)

    def harmless(self, url: str, token: str | None = None) -> int:
        """Look at customers; return the status."""
        return Person(self.name, self.id, token or self.access).call(url, "GET", "/api/customers?limit=1").status_code

    def harmful(self, url: str, token: str | None = None) -> int:
        """Try to delete a customer that is not there; what is neither 401 nor 403 was permitted."""
        path = f"/api/customers/{factories.NOBODY}"
        return Person(self.name, self.id, token or self.access).call(url, "DELETE", path).status_code

    def users(self, url: str, token: str | None = None) -> int:
        """Look at the users."""
        return Person(self.name, self.id, token or self.access).call(url, "GET", "/api/users/?limit=1").status_code

    def renew(self, url: str) -> str:
        """Exchange the refresh token; return the new access token, empty if it is refused."""
        answer = requests.post(f"{url}/api/auth/refresh", json={"refresh_token": self.refresh}, timeout=10)
        return str(answer.json()["access_token"]) if answer.status_code == 200 else ""


Ending = Callable[[str, Person, Person], requests.Response]


def _reset(url: str, chief: Person, person: Person) -> requests.Response:
    token = chief.call(url, "POST", f"/api/users/{person.id}/reset-token").json()["token"]
    body = {"token": token, "new_password": f"another {PASSWORD}"}
    return requests.post(f"{url}/api/auth/reset-password", json=body, timeout=10)


def _changed(url: str, _: Person, person: Person) -> requests.Response:
    elsewhere = Person(person.name, person.id)
    elsewhere.sign_in(url)
    body = {"current_password": PASSWORD, "new_password": f"another {PASSWORD}"}
    return elsewhere.call(url, "POST", "/api/users/me/change-password", **body)


def _role_changed(url: str, chief: Person, _: Person) -> requests.Response:
    roles = {each["name"]: each["id"] for each in chief.call(url, "GET", "/api/auth/roles").json()}
    path = f"/api/auth/roles/{roles[ROLE]}/permissions"
    return chief.call(url, "DELETE", path, permission_ids=[HARMFUL])


# What is done: by whom it is done, to whom. The first six end a session, the others take away rights.
SESSIONS: dict[str, Ending] = {
    "signed-out": lambda url, _, person: requests.post(
        f"{url}/api/auth/logout", json={"refresh_token": person.refresh}, timeout=10
    ),
    "all-sessions": lambda url, _, person: person.call(url, "DELETE", f"/api/users/{person.id}/sessions"),
    "password-changed": _changed,
    "disabled": lambda url, chief, person: chief.call(url, "PATCH", f"/api/users/{person.id}/status", is_active=False),
    "deleted": lambda url, chief, person: chief.call(url, "DELETE", f"/api/users/{person.id}"),
    "reset": _reset,
}
RIGHTS: dict[str, Ending] = {
    "demoted": lambda url, chief, person: chief.call(url, "PUT", f"/api/users/{person.id}", is_superuser=False),
    "withdrawn": lambda url, chief, person: chief.call(url, "DELETE", f"/api/users/{person.id}/permissions/{HARMFUL}"),
    "role-changed": _role_changed,
}
ENDINGS = SESSIONS | RIGHTS


def crew(url: str, suffix: str) -> dict[str, Person]:
    """Store an administrator, a bystander, and somebody for each ending, in the database at this address."""
    engine, made = create_engine(driver_url(url)), {}
    may = ("CUSTOMER_VIEW", HARMFUL)
    with Session(engine) as session:
        for kind in ("chief", "bystander", *ENDINGS):
            name, chief = f"{kind}-{suffix}", kind in ("chief", "demoted")
            granted = () if chief else ("CUSTOMER_VIEW",) if kind == "role-changed" else may
            user = factories.user(
                session, username=name, permissions=granted, is_superuser=chief, password=factories.shipped()
            )
            if kind == "role-changed":
                session.query(Role).filter_by(name=ROLE).update({"name": f"{ROLE}-{uuid.uuid4().hex[:6]}"})
                factories.role(session, user, name=ROLE, permissions=(HARMFUL,))
            made[kind] = Person(name, user.id)
    engine.dispose()
    return made
