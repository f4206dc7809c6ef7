"""Diagnosing a service on the platform: settings, variables, deployment, domains, and what the public meets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from deploy.railway import cors, offline
from deploy.railway.context import Online
from deploy.railway.exits import NoVerdict, UsageError
from deploy.railway.failures import explain
from deploy.railway.findings import Finding, failed, passed, skipped, warned
from deploy.railway.model import Deployment, Domain
from deploy.railway.platform import Service
from deploy.railway.probe import NORMAL, Answer, Health, Probe, origin_of
from deploy.railway.report import secrets_of
from deploy.railway.settings import Settings, drift
from rental_backend.doctor.variables import Variables

BACKING = ("postgres", "redis", "pgbouncer")
CERTIFIED = "CERTIFICATE_STATUS_TYPE_VALID"
PROPAGATED = "DNS_RECORD_STATUS_PROPAGATED"
SLOTS = ("api-blue", "api-green")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The service to be diagnosed, its public address if it has no domain, and the origins that must be let in."""

    service: Service
    settings: Settings
    base: str | None = None
    origins: Sequence[str] = ()


def diagnose(context: Online, subject: Subject) -> list[Finding]:
    """Everything that can be found out about a service; what could not be read is skipped, and said so."""
    variables: dict[str, str] = {}
    found: list[Finding] = []

    def part(name: str, look: Callable[[], Iterator[Finding]]) -> None:
        try:
            found.extend(look())
        except NoVerdict as error:
            found.append(skipped(name, str(error)))

    def read_variables() -> Iterator[Finding]:
        variables.update(context.railway.variables(subject.service))
        context.report.hide(secrets_of(variables))
        slots = 2 if subject.service.name in SLOTS else 1
        replicas = int(subject.settings.deploy.get("numReplicas", 1))
        yield from offline.environment(Variables(values=variables, slots=slots, replicas=replicas))

    part("variables", read_variables)
    part("settings", lambda: _settings(context, subject))
    part("backing", lambda: _backing(context))
    part("deployment", lambda: _deployment(context, subject, variables))
    part("domains", lambda: _domains(context, subject.service, variables))
    part("public", lambda: _public(context, subject, variables))
    part("auto-deploy", lambda: _auto_deploy(context, subject.service))
    return found


def _settings(context: Online, subject: Subject) -> Iterator[Finding]:
    differing = drift(subject.settings, context.railway.instance(subject.service))
    if differing:
        said = "; ".join(f"{name} is {theirs!r}, not {ours!r}" for name, (theirs, ours) in differing.items())
        yield failed("config-drift", f"the platform's settings differ from railway.json: {said}", "config apply")
    else:
        yield passed("config-drift", "the platform's settings are as in railway.json")


def _backing(context: Online) -> Iterator[Finding]:
    """Look at the services that everybody needs."""
    names = [name for name in context.railway.services() if any(word in name.lower() for word in BACKING)]
    for name in sorted(names):
        rows = context.railway.deployments(context.railway.service(name))
        live = next((row for row in rows if row.serves), None)
        newest = context.railway.deployment(live.id) if live else None
        if newest and newest.serves:
            yield passed("backing-service", f"{name} runs")
        else:
            state = rows[0].status if rows else "not deployed"
            said = f"{name} does not run ({state}): that is down for everybody, and no build mends it"
            yield failed("backing-service", said, f"start {name} on the dashboard, and look at its logs and its volume")


def _deployment(context: Online, subject: Subject, variables: dict[str, str]) -> Iterator[Finding]:
    rows = context.railway.deployments(subject.service)
    if not rows:
        yield failed("never-deployed", f"{subject.service.name} was never deployed", "deploy")
        return
    newest = context.railway.deployment(rows[0].id)
    path = str(subject.settings.deploy.get("healthcheckPath", "/"))
    yield from explain(context.railway, newest, variables, path)
    serving = next((row for row in rows if row.serves), None)
    if serving and serving.id != newest.id:
        yield warned(
            "older-serves", f"the public is still served by {serving}", "mend the newer one; no rollback is needed"
        )


def _domains(context: Online, service: Service, variables: dict[str, str]) -> Iterator[Finding]:
    domains = context.railway.domains(service)
    port = variables.get("PORT", "").strip()
    for domain in domains:
        if domain.port is not None and port.isdecimal() and domain.port != int(port):
            said = f"{domain.name} leads to port {domain.port}, and the program listens at {port}"
            yield failed("domain-port", said, f"set the domain's target port to {port}")
        elif domain.custom:
            yield _custom(domain)
    if domains and not any(not domain.custom for domain in domains):
        yield warned(
            "domain-plain",
            "there is no domain of the platform beside the custom one",
            "generate one, for the tool to ask",
        )


def _custom(domain: Domain) -> Finding:
    wrong = [record for record in domain.records if record.get("status") != PROPAGATED]
    if wrong:
        record = wrong[0]
        said = f"{domain.name}: the DNS record {record.get('hostlabel')} is {record.get('currentValue') or 'missing'}"
        return failed("domain-dns", said, f"point it to {record.get('requiredValue')}")
    if not domain.verified:
        return failed(
            "domain-unverified",
            f"{domain.name} is not verified as yours",
            "add the TXT record that the dashboard shows",
        )
    if domain.certificate != CERTIFIED:
        state = domain.certificate.removeprefix("CERTIFICATE_STATUS_TYPE_").lower()
        said = f"{domain.name} has no certificate yet ({state}{': ' if domain.fault else ''}{domain.fault})"
        return failed(
            "domain-certificate", said, "look at its DNS records (CAA, proxies); do not move the domain meanwhile"
        )
    return passed("domain", f"{domain.name} is verified and has a certificate")


def _public(context: Online, subject: Subject, variables: dict[str, str]) -> Iterator[Finding]:
    try:
        probe = context.probe(subject.service, subject.base)
    except UsageError as error:
        yield skipped("public", str(error))
        return
    health = probe.health()
    yield from meets(health, probe, context.railway.deployments(subject.service))
    if health.good and (origins := subject.origins or Variables(values=variables).words("CORS_ORIGINS")):
        yield from cors.check(probe, origins)
    for domain in context.railway.domains(subject.service):
        if domain.custom and health.good and not Probe(origin_of(domain.name)).health().good:
            said = f"{domain.name} does not lead to the application, which answers at {probe.base}"
            yield failed("domain-elsewhere", said, "look at the DNS records and at what stands before it")


def meets(health: Health, probe: Probe, rows: Sequence[Deployment]) -> Iterator[Finding]:
    """Say what the public meets at an address."""
    live = next((row for row in rows if row.serves), None)
    if not health.answer.from_application:
        yield _edge(health.answer, probe.base)
    elif not health.good:
        yield failed("public", f"{probe.base} answers {health.answer}", "`logs --deploy`")
    elif live and health.deployment not in (None, live.id):
        said = f"{probe.base} is answered by {health.deployment}, and {live.id} is live"
        yield warned("public-other", said, "an overlap ends within a minute; else look at the domain")
    else:
        yield passed("public", f"{probe.base} is answered by the application")
    if health.mode != NORMAL:
        said = f"the application is in the mode {health.mode}: it does less than it could, because an operator said so"
        yield warned("mode", said, "/health/breakers says who, and for how long; PUT /api/operations/mode ends it")
    if health.down:
        why = probe.causes()
        for name in sorted(health.down):
            said = f"the application cannot reach {name} ({why.get(name, 'no cause told')}); it serves what it can"
            yield failed("dependency-down", said, "look at that service, and at the URL in the variables; no rollback")


def _edge(answer: Answer, base: str) -> Finding:
    """What the platform's edge answers in place of the application. Browsers call all of it a CORS error."""
    text = answer.body[:2000].decode(errors="replace")
    if answer.status == 0:
        return failed(
            "unreachable", f"{base} is not reached ({answer.fault})", "look at the domain, and at this network"
        )
    if answer.status == 404 and "Application not found" in text:
        said = f"{base} leads to no application: it sleeps, was removed, or the domain belongs to another service"
        return failed("edge-no-application", said, "look at the domain's service; sleepApplication false")
    if answer.status in (502, 503, 504):
        said = f"the edge cannot reach the program ({answer}); browsers call that a CORS error"
        return failed("edge-unreachable", said, "does it run, and listen at PORT? See the findings above")
    return failed("edge-other", f"{base} answers {answer}, and not by the application", "what stands before it?")


def _auto_deploy(context: Online, service: Service) -> Iterator[Finding]:
    enabled, reason = context.railway.auto_deploy(service)
    if enabled:
        yield warned("auto-deploy", "every push is deployed, also after a rollback", "rollback --freeze stops that")
    else:
        yield passed("auto-deploy", f"pushes are not deployed by themselves{f' ({reason})' if reason else ''}")
