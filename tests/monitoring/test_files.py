"""The dashboard and the alert rules: of metrics that exist, true to their thresholds, each with a runbook."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from rental_backend.web.openapi.docs import anchor
from tests.monitoring.promql import Evaluation, labels, selectors
from tests.serving import until

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "monitoring"
RUNBOOK = (ROOT / "rental_backend" / "web" / "templates" / "guides" / "operations.md").read_text("utf-8")
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
OF_PROMETHEUS = {"up": {"job", "instance"}}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
SHOWN = [
    (panel["title"], target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"])
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]


@pytest.fixture(scope="module")
def exported(app: Flask) -> dict[str, set[str]]:
    """The labels of each metric in a scrape of the application."""
    client = app.test_client()
    client.get("/health")

    def scrape() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for family in text_string_to_metric_families(client.get("/metrics").text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
        return found

    until(lambda: {"rental_rentals_out", "rental_worker_resident_bytes"} <= set(scrape()))
    return scrape()


def _unknown(expression: str, exported: dict[str, set[str]]) -> Iterator[str]:
    """Yield what an expression names that does not exist."""
    for name, matchers, grouped in selectors(promql.parse(expression)):
        if name in RECORDED:
            continue
        known = {**exported, **OF_PROMETHEUS}.get(name)
        if known is None:
            yield name
            continue
        wanted = {each.name for each in matchers} | grouped
        yield from (f"{name}{{{label}}}" for label in wanted - known)


def test_what_is_asked_exists(exported: dict[str, set[str]]) -> None:
    """Every metric and label of every rule and panel is in a real scrape; the expressions are PromQL."""
    asked = [*((name, rule["expr"]) for name, rule in ALERTS.items()), *RECORDED.items()]
    asked += [(title, expression) for title, expression, _ in SHOWN]
    assert len(asked) > 40

    assert [(name, missing) for name, expression in asked for missing in _unknown(expression, exported)] == []


def test_what_is_shown_is_there(exported: dict[str, set[str]]) -> None:
    """A legend names labels that the expression leaves; each metric is on the dashboard or in a rule."""
    wrong = []
    named: set[str] = set()
    for title, expression, legend in SHOWN:
        wanted = set(re.findall(r"{{(\w+)}}", legend)) - {"instance"}
        for name, _, grouped in selectors(promql.parse(expression)):
            left = grouped if " by " in expression else exported.get(name, set())
            wrong += [f"{title}: {label}" for label in wanted - left]
            named.add(name)
    named |= {name for rule in RULES for name, _, _ in selectors(promql.parse(rule["expr"]))}

    assert wrong == []
    assert set(exported) - named - {"rental_http_request_duration_seconds_count"} == set()


def test_something_that_does_not_exist_would_be_found(exported: dict[str, set[str]]) -> None:
    """A misspelt metric, a label it does not have, and one that is grouped by are each named."""
    found = list(_unknown('sum by (rout) (rate(rental_http_requests_total{kode="500"}[5m])) > nothing', exported))

    assert sorted(found) == ["nothing", "rental_http_requests_total{kode}", "rental_http_requests_total{rout}"]
    with pytest.raises(ValueError):
        promql.parse("sum(rate(x[5m])")


def test_each_alert_has_its_runbook(app: Flask) -> None:
    """The headings under Alerts are the alerts; the page has the anchor that each rule links to."""
    section = RUNBOOK.partition("## Alerts")[2]
    assert set(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == set(ALERTS)
    page = app.test_client().get("/docs/operations").text

    for name, rule in ALERTS.items():
        told = rule["annotations"]
        assert told["runbook_url"] == f"{{{{ $externalLabels.service_url }}}}/docs/operations#{anchor(name)}"
        assert f'<h3 id="{anchor(name)}">' in page
        assert told["summary"].endswith(".")
        assert rule["labels"]["severity"] in ("page", "ticket")
        text = section.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert "**Means**" in text and "**do" in text.lower(), name


def _grows(per_second: float) -> Callable[[float], float]:
    """Return a counter that grows evenly."""
    return lambda ago: 1e6 - per_second * ago


def _grew(by: float, within: float) -> Callable[[float], float]:
    """Return a counter that grew so much in the last seconds, and not before."""
    return lambda ago: 100 + by * max(0.0, 1 - ago / within)


def _requests(bad: Callable[[float], float], good: float = 10.0, code: str = "503") -> dict[Any, Any]:
    """Return requests of which so many a second are good, beside those of health, which do not count."""
    name, route = "rental_http_requests_total", "/api/customers/"
    return {
        (name, labels(method="GET", route=route, code="200")): _grows(good),
        (name, labels(method="GET", route=route, code=code)): bad,
        (name, labels(method="GET", route="/health/ready", code="503")): _grows(50),
    }


def _buckets(slow: float) -> dict[Any, Any]:
    """Return a histogram of which a share takes longer than a second."""
    name, of = "rental_http_request_duration_seconds_bucket", {"method": "GET", "route": "/api/customers/"}
    shares = {"0.1": 1 - slow, "1.0": 1 - slow, "2.5": 1.0, "+Inf": 1.0}
    return {(name, labels(le=le, **of)): _grows(10 * share) for le, share in shares.items()}


def _one(name: str, value: Callable[[float], float] | float, **of: str) -> dict[Any, Any]:
    return {(name, labels(**of)): value if callable(value) else lambda _: value}


HOUR = 3600.0
THRESHOLDS: dict[str, tuple[list[dict[Any, Any]], list[dict[Any, Any]]]] = {  # what it fires for, and what not
    "AvailabilityBurnsFast": (
        [_requests(_grows(0.16)), _requests(_grows(0.07))],
        [_requests(_grows(0.05)), _requests(_grew(4, 60), good=0.01), _requests(_grew(500, 20 * HOUR))],
    ),
    "AvailabilityBurnsSlowly": ([_requests(_grows(0.011))], [_requests(_grows(0.009))]),
    "RequestsFail": ([_requests(_grew(20, 300), good=0.01)], [_requests(_grew(19, 300), good=0.01)]),
    "ProgramFault": ([_requests(_grew(1, 60), code="500")], [_requests(_grew(9, 60), code="503")]),
    "AnswersSlow": ([_buckets(0.011)], [_buckets(0.009)]),
    "BreakerOpen": (
        [_one("rental_breaker_down_seconds", 121, breaker="redis")],
        [_one("rental_breaker_down_seconds", 120, breaker="redis")],
    ),
    "BreakerFlaps": (
        [_one("rental_breaker_opened_total", _grew(5, HOUR / 4), breaker="redis")],
        [_one("rental_breaker_opened_total", _grew(4, HOUR / 4), breaker="redis")],
    ),
    "PoolExhausted": (
        [{**_one("rental_pool_timeouts_total", _grew(5, 60), pool="auth"), **_one("rental_pool_size", 2, pool="auth")}],
        [{**_one("rental_pool_timeouts_total", _grew(4, 60), pool="auth"), **_one("rental_pool_size", 2, pool="auth")}],
    ),
    "BulkheadFull": (
        [_one("rental_bulkhead_rejected_total", _grew(20, 60), bulkhead="database")],
        [_one("rental_bulkhead_rejected_total", _grew(19, 60), bulkhead="database")],
    ),
    "JournalGrows": (
        [_one("rental_journal_bytes", 1), _one("rental_journal_bytes", lambda ago: 2e6 if ago < 60 else 0)],
        [_one("rental_journal_bytes", lambda ago: 900_000 if ago < 1700 else 0), _one("rental_journal_bytes", 0)],
    ),
    "DiskNearlyFull": (
        [_one("rental_journal_disk_free_ratio", 0.09), _one("rental_backups_disk_free_ratio", 0.09)],
        [_one("rental_journal_disk_free_ratio", 0.11)],
    ),
    "NotScraped": (
        [{}, {**_one("rental_build_info", 1), **_one("up", 0, job="rental_backend")}],
        [{**_one("rental_build_info", 1), **_one("up", 1, job="rental_backend"), **_one("up", 0, job="other")}],
    ),
    "WorkerGrows": (
        [_one("rental_worker_resident_bytes", 4.1e8, worker="0")],
        [_one("rental_worker_resident_bytes", 3.9e8, worker="0")],
    ),
    "SignInsFail": (
        [_one("rental_sign_ins_total", _grew(100, 60), outcome="throttled")],
        [_one("rental_sign_ins_total", _grew(99, 60), outcome="failure")],
    ),
    "BreakGlassUsed": (
        [_one("rental_sign_ins_total", _grew(1, 60), outcome="break_glass")],
        [_one("rental_sign_ins_total", _grew(9, 60), outcome="success")],
    ),
    "ModeForgotten": (
        [_one("rental_mode", 1, mode="read-only")],
        [{**_one("rental_mode", 1, mode="normal"), **_one("rental_mode", 0, mode="emergency")}],
    ),
    "FiguresOld": ([_one("rental_figures_age_seconds", 601)], [_one("rental_figures_age_seconds", 599)]),
    "CallersLimited": (
        [_one("rental_rate_limited_total", _grew(100, 60), limit="reads")],
        [_one("rental_rate_limited_total", _grew(99, 60), limit="reads")],
    ),
}


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_alerts_fire_at_their_thresholds(name: str) -> None:
    """Each fires on series just beyond its threshold, and on none just within."""
    beyond, within = THRESHOLDS[name]
    expression = ALERTS[name]["expr"]

    assert [Evaluation(series, RECORDED).fires(expression) for series in beyond] == [True] * len(beyond)
    assert [Evaluation(series, RECORDED).fires(expression) for series in within] == [False] * len(within)
