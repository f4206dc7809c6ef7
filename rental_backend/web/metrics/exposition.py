"""How metrics are written for who scrapes them: Prometheus' text (0.0.4), and OpenMetrics 1.0."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[str, float]  # what follows the name of the metric (its suffix and labels), and the value


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name (a counter's without `_total`), kind, what it means, and its samples."""

    name: str
    kind: str
    help: str
    samples: Iterable[Sample]


def labelled(**labels: object) -> str:
    """Return labels as they are written."""
    return "{" + ",".join(f'{name}="{str(value).translate(ESCAPED)}"' for name, value in labels.items()) + "}"


def counter(name: str, help: str, samples: Iterable[Sample]) -> Metric:
    """Return a number that only grows; the samples bear labels alone."""
    return Metric(name, COUNTER, help, [(f"_total{labels}", value) for labels, value in samples])


def gauge(name: str, help: str, samples: Iterable[Sample]) -> Metric:
    """Return a number that comes and goes."""
    return Metric(name, GAUGE, help, samples)


def render(metrics: Iterable[Metric], *, openly: bool) -> bytes:
    """Return the page: OpenMetrics where `openly`, else the older text."""
    lines: list[str] = []
    for metric in metrics:
        lines += _written(metric, "_total" if metric.kind == COUNTER and not openly else "")
    return ("\n".join([*lines, *(["# EOF"] if openly else [])]) + "\n").encode()


def _written(metric: Metric, suffix: str) -> Iterator[str]:
    name = metric.name
    yield f"# HELP {name}{suffix} {metric.help}"
    yield f"# TYPE {name}{suffix} {metric.kind}"
    for labels, value in metric.samples:
        yield f"{name}{labels} {value}"
