"""The smoke test: every declared resource is created, read, changed and retired over HTTP, and none is left behind."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.railway.exits import NoVerdict, UsageError
from deploy.railway.findings import Finding, failed, passed, warned
from deploy.railway.probe import Answer, Probe
from deploy.railway.report import Report
from deploy.railway.resources import PREFIX, Resource

LEFT = 200  # remains of former runs that one run looks at


class Stumbled(Exception):
    """What went wrong with a resource, in one sentence."""


@dataclass
class Run:
    """One run against one deployment. `tag` marks all that it makes."""

    probe: Probe
    token: str
    tag: str = field(default_factory=lambda: PREFIX + secrets.token_hex(4).upper())
    made: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, expected: Iterable[int], body: Any = None) -> Any:
        """The JSON answered to a request. Raises `Stumbled` when the status is another than expected."""
        answer = self._ask(method, path, body)
        if answer.status not in expected:
            raise Stumbled(f"{method} {path} was answered {answer}{_reason(answer)}")
        return answer.json

    def gone(self, path: str) -> bool:
        """Whether a path is answered 404 now."""
        return self._ask("GET", path).status == 404

    def create(self, resource: Resource) -> str:
        """Create a row of a resource, check that it is as was asked for, and return its id."""
        values = resource.values(self.tag, self.made)
        told = self.send("POST", resource.path, (200, 201), values)
        made = _member(told, "id")
        if not isinstance(made, str):
            raise Stumbled(f"POST {resource.path} returned no id")
        self.made[resource.name] = made
        _compare(self.read(resource, made), values, f"{resource.path}/{made} after its creation")
        if made not in self.listed(resource, self.tag):
            raise Stumbled(f"{resource.path} does not list what was created")
        return made

    def read(self, resource: Resource, id: str) -> Any:
        """Read one."""
        return self.send("GET", f"{resource.path}/{id}", (200,))

    def change(self, resource: Resource, id: str) -> None:
        """Change one, and check that it is changed."""
        changes = resource.changes(self.tag)
        self.send("PUT", f"{resource.path}/{id}", (200,), changes)
        _compare(self.read(resource, id), changes, f"{resource.path}/{id} after its change")

    def listed(self, resource: Resource, text: str) -> list[str]:
        """The ids of the rows that a search of the list shows."""
        told = self.send("GET", f"{resource.path}?{resource.search}={text}&limit={LEFT}", (200,))
        rows = told if isinstance(told, list) else next((v for v in (told or {}).values() if isinstance(v, list)), [])
        marked = [row for row in rows if isinstance(row, dict) and str(row.get(resource.mark, "")).startswith(text)]
        return [str(row["id"]) for row in marked]

    def retire(self, resource: Resource, id: str) -> None:
        """Retire one, and check that nobody meets it any more."""
        self.send("DELETE", f"{resource.path}/{id}", (200, 204))
        self.made.pop(resource.name, None)
        path = f"{resource.path}/{id}"
        if not self.gone(path) and _member(self.send("GET", path, (200,)), "is_active") is not False:
            raise Stumbled(f"{path} is still in use after it was retired")
        if id in self.listed(resource, self.tag):
            raise Stumbled(f"{path} is still in the list after it was retired")

    def clear(self, resource: Resource, ids: list[str]) -> None:
        """Retire many rows, rows that hang on others first."""
        while ids:
            answers = {each: self._ask("DELETE", f"{resource.path}/{each}") for each in ids}
            held = [each for each, answer in answers.items() if answer.status not in (200, 204, 404)]
            if held == ids:
                raise Stumbled(f"{', '.join(ids)} of {resource.path} could not be retired")
            ids = held

    def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self.probe.ask(path, method=method, body=body, Authorization=f"Bearer {self.token}")


def smoke(probe: Probe, environ: Mapping[str, str], resources: tuple[Resource, ...], report: Report) -> list[Finding]:
    """Run the smoke test. SMOKE_USERNAME and SMOKE_PASSWORD sign in; the session is ended at the end."""
    tokens = _sign_in(probe, environ, report)
    run = Run(probe, tokens[0])
    found = [_sweep(run, resource) for resource in reversed(resources)]
    try:
        for resource in resources:
            report.say(f"{resource.name}: create, read, change")
            found.append(_exercise(run, resource))
    finally:
        for resource in reversed(resources):
            if resource.name in run.made:
                report.say(f"{resource.name}: retire")
                found.append(_finish(run, resource, run.made[resource.name]))
        left = probe.ask(
            "/api/auth/logout", method="POST", body={"refresh_token": tokens[1]}, Authorization=f"Bearer {tokens[0]}"
        )
    if left.status >= 300:
        found.append(
            failed("smoke-session", f"signing out was answered {left}", "its session ends by itself in a week")
        )
    return found


def _sign_in(probe: Probe, environ: Mapping[str, str], report: Report) -> tuple[str, str]:
    username, password = environ.get("SMOKE_USERNAME", ""), environ.get("SMOKE_PASSWORD", "")
    if not username or not password:
        raise UsageError("SMOKE_USERNAME and SMOKE_PASSWORD name the account that the smoke test signs in with")
    report.hide([password])
    answer = probe.ask("/api/auth/login", method="POST", body={"username": username, "password": password})
    told = answer.json
    if answer.status != 200 or not isinstance(told, dict):
        raise NoVerdict(f"the smoke test could not sign in: {answer}{_reason(answer)}")
    tokens = str(told.get("access_token", "")), str(told.get("refresh_token", ""))
    report.hide(tokens)
    return tokens


def _sweep(run: Run, resource: Resource) -> Finding:
    """Retire what a run before this one, which was ended, left behind."""
    try:
        left = run.listed(resource, PREFIX)
        run.clear(resource, left)
    except Stumbled as error:
        return failed("smoke-sweep", f"{resource.name}: {error}")
    if left:
        return warned("smoke-sweep", f"{resource.name}: {len(left)} left by an earlier run were retired")
    return passed("smoke-sweep", f"{resource.name}: nothing was left by an earlier run")


def _exercise(run: Run, resource: Resource) -> Finding:
    missing = [name for name in resource.needs if name not in run.made]
    if missing:
        return failed("smoke", f"{resource.name}: not tried, for want of {', '.join(missing)}")
    try:
        run.change(resource, run.create(resource))
    except Stumbled as error:
        return failed("smoke", f"{resource.name}: {error}", "`logs --deploy` has the request")
    return passed("smoke", f"{resource.name}: created, listed, read, changed")


def _finish(run: Run, resource: Resource, id: str) -> Finding:
    try:
        run.retire(resource, id)
    except Stumbled as error:
        return failed("smoke-trace", f"{resource.name}: {error}", f"retire {run.tag} by hand")
    return passed("smoke-trace", f"{resource.name}: retired, and met by nobody any more")


def _compare(told: Any, wanted: Mapping[str, Any], what: str) -> None:
    wrong = [name for name, value in wanted.items() if _member(told, name) != value]
    if wrong:
        raise Stumbled(f"{what}: {', '.join(sorted(wrong))} not as was sent")


def _member(told: Any, name: str) -> Any:
    inner = told.get("data") if isinstance(told, dict) and isinstance(told.get("data"), dict) else told
    return inner.get(name) if isinstance(inner, dict) else None


def _reason(answer: Answer) -> str:
    told = answer.json
    return f": {str(told.get('detail'))[:200]}" if isinstance(told, dict) and told.get("detail") else ""


def lines(resources: tuple[Resource, ...]) -> Iterator[str]:
    """What a dry run tells."""
    for resource in resources:
        yield f"{resource.name}: POST, GET, PUT and DELETE {resource.path}"
