"""What a browser would be told: who may call, and that nobody else may, on answers and errors alike."""

from collections.abc import Iterator, Sequence

from deploy.railway.findings import Finding, failed, passed
from deploy.railway.probe import Answer, Probe

PATH = "/api/customers"
METHODS = ("GET", "POST", "PUT", "DELETE")
HEADERS = ("authorization", "content-type", "x-request-id")
LONGEST = 86_400
ALLOWED = "Access-Control-Allow-Origin"
ERRORS = {"401": ("GET", PATH), "404": ("GET", "/api/there-is-no-such-path"), "422": ("POST", "/api/auth/login")}
ADD = "add it to CORS_ORIGINS of the service, and deploy"


def check(probe: Probe, origins: Sequence[str]) -> list[Finding]:
    """Find out whether pages of these origins can call the application, and pages of others cannot."""
    first = probe.health().answer
    if not first.from_application:
        said = f"{probe.base} answers {first}, and not by the application; a browser calls that a CORS error"
        return [failed("down-not-cors", said, "`diagnose` says why the service is down")]
    found = [finding for origin in origins for finding in (*_preflights(probe, origin), *_answers(probe, origin))]
    return [*found, *_strangers(probe, origins)]


def _preflights(probe: Probe, origin: str) -> Iterator[Finding]:
    for method in METHODS:
        answer = probe.ask(
            PATH,
            method="OPTIONS",
            Origin=origin,
            Access_Control_Request_Method=method,
            Access_Control_Request_Headers=",".join(HEADERS),
        )
        if answer.headers.get(ALLOWED) is None and 200 <= answer.status < 300:
            yield failed("cors-origin", f"{origin} may not call", ADD)
            return
        if wrong := list(_wrong(answer, origin, method)):
            yield failed(
                "cors-preflight",
                f"{method} from {origin}: {'; '.join(wrong)}",
                "see rental_backend/web/middleware/cors.py",
            )
            return
    yield passed("cors-preflight", f"{origin} may send {', '.join(METHODS)} with {', '.join(HEADERS)}")


def _wrong(answer: Answer, origin: str, method: str) -> Iterator[str]:
    """Say what a browser would stumble over in the answer to a preflight."""
    if not 200 <= answer.status < 300:
        yield f"{answer} (a preflight has to be answered 2xx, without sign-in and redirect)"
    if answer.headers.get(ALLOWED) != origin:
        yield f"{ALLOWED} is {answer.headers.get(ALLOWED)}"
    if "origin" not in _words(answer, "Vary"):
        yield "Vary does not name Origin, so a cache may give one origin's answer to another"
    if method.lower() not in _words(answer, "Access-Control-Allow-Methods"):
        yield f"{method} is not among the methods"
    if missing := sorted(set(HEADERS) - _words(answer, "Access-Control-Allow-Headers")):
        yield f"{', '.join(missing)} not among the headers"
    age = answer.headers.get("Access-Control-Max-Age", "0")
    if not age.isdecimal() or int(age) > LONGEST:
        yield f"Access-Control-Max-Age is {age}"


def _answers(probe: Probe, origin: str) -> Iterator[Finding]:
    """Errors need the header, too, or the page cannot read them."""
    bare = []
    for name, (method, path) in ERRORS.items():
        answer = probe.ask(path, method=method, body={} if method == "POST" else None, Origin=origin)
        if answer.headers.get(ALLOWED) != origin:
            bare.append(f"{name} ({answer})")
    if bare:
        yield failed("cors-errors", f"answers to {origin} without {ALLOWED}: {', '.join(bare)}", ADD)
    else:
        yield passed("cors-errors", f"{origin} can read errors: {', '.join(ERRORS)}")


def _strangers(probe: Probe, origins: Sequence[str]) -> Iterator[Finding]:
    """Ask from origins that must not be let in: others, look-alikes of ours, and ours without encryption."""
    lookalikes = [f"{origin}.evil.example" for origin in origins]
    downgraded = [origin.replace("https://", "http://", 1) for origin in origins if origin.startswith("https://")]
    strangers = ["https://evil.example", "null", *lookalikes, *downgraded]
    let_in = [stranger for stranger in strangers if probe.ask(PATH, Origin=stranger).headers.get(ALLOWED)]
    if let_in:
        yield failed("cors-strangers", f"{', '.join(let_in)} may call", "take it out of CORS_ORIGINS")
    else:
        yield passed("cors-strangers", f"{len(strangers)} others, look-alikes among them, may not call")


def _words(answer: Answer, name: str) -> set[str]:
    given = ",".join(answer.headers.get_all(name, []))
    return {word.strip().lower() for word in given.split(",")}
