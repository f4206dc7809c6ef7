"""Requests of all kinds, counted by who sends them; and the service's own numbers, to be compared."""

import threading
from collections import Counter

import requests
from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, str, str]  # method, route, code
ASKED = (  # method, path, route
    ("GET", "/health", "/health"),
    ("GET", "/", "/"),
    ("GET", "/nowhere-{n}", "none"),
    ("GET", "/api/customers/", "/api/customers/"),
    ("GET", "/api/customers/00000000-0000-0000-0000-000000000000", "/api/customers/<uuid:id>"),
    ("GET", "/api/customers/{n}", "/api/customers/<uuid:id>"),  # no id: a stranger does not learn that
    ("HEAD", "/api/health", "/api/health"),
    ("OPTIONS", "/api/customers/", "none"),
    ("DELETE", "/health", "none"),
    ("POST", "/api/auth/login", "/api/auth/login"),
)


def send(url: str, times: int, *, threads: int = 4) -> Counter[Key]:
    """Send all kinds of requests so many times from each of some threads; return what was answered."""
    found: Counter[Key] = Counter()
    lock = threading.Lock()

    def run(number: int) -> None:
        mine: Counter[Key] = Counter()
        for turn in range(times):
            for method, path, route in ASKED:
                at = url + path.format(n=f"{number}-{turn}")
                answer = requests.request(method, at, timeout=10, headers={"Connection": "close"})
                mine[method, route, str(answer.status_code)] += 1
        with lock:
            found.update(mine)

    crowd = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return found


def told(url: str, name: str = "rental_http_requests_total") -> Counter[Key]:
    """Return the requests that the service has counted, without those that look at it."""
    page = requests.get(f"{url}/metrics", timeout=10)
    return Counter(
        {
            (sample.labels["method"], sample.labels["route"], sample.labels.get("code", "")): int(sample.value)
            for family in text_string_to_metric_families(page.text)
            for sample in family.samples
            if sample.name == name and sample.labels["route"] not in ("/metrics", "/health/ready")
        }
    )
