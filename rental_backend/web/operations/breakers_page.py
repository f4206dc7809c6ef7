"""The page about the breakers: what is wrong, since when, who is affected and what to press, in words and curves."""

from collections import Counter
from datetime import datetime
from typing import Any

from ..templates.render import render
from .breaker_overrides import LONGEST, REASON
from .breakers_report import Told

WIDTH, HEIGHT = 240, 40  # of a curve, in its own units
STATES = {
    "closed": ("Closed: calls are made", "good"),
    "open": ("Open: calls are refused", "bad"),
    "half-open": ("Half open: a probe is trying the dependency", "warn"),
    "forced-open": ("Forced open: an operator has refused all calls", "warn"),
    "forced-closed": ("Forced closed: an operator lets all calls through", "warn"),
    "metrics-only": ("Metrics only: calls are made and counted, the breaker never opens", "warn"),
}
ANSWERS = {
    "refuse": "refused",
    "stale": "answered from memory",
    "replica": "answered by the replica",
    "offline": "known by signature only",
    "partial": "done without the cache",
    "full": "as usual",
}
CHANGES = {
    "closed": "closed",
    "open": "opened",
    "forced-open": "forced open",
    "forced-closed": "forced closed",
    "metrics-only": "put to metrics only",
}
MINUTES = (5, 10, 30, 60, 240)


def shown(told: Told, *, path: str) -> bytes:
    """Return the page that shows a report."""
    return render(
        "breakers.html",
        path=path,
        title="Breakers",
        told=told,
        now=_clock(told["timestamp"]),
        summary=_summary(told),
        cards=[_card(breaker, told["operations"]) for breaker in told["breakers"]],
        parts=_parts(told["features"]),
        usual=sum(each["status"] == "available" and not each["since"] for each in told["features"].values()),
        changes=_changes(told["breakers"]),
        affected=[{**each, "said": ANSWERS[each["answer"]]} for each in told["operations"] if each["answer"] != "full"],
        minutes=[each for each in MINUTES if each * 60 <= LONGEST],
        longest=REASON,
    )


def _summary(told: Told) -> dict[str, str]:
    """Return the one sentence, and how grave it is. It holds nothing that changes by the second: it is read out."""
    away = [each for each in told["breakers"] if each["down_since"]]
    mode = told["mode"]
    said = [f"{each['name']} is away since {_clock(each['down_since'])} ({_why(each)})" for each in away]
    said += [f"the service is in {mode} mode"] if mode != "normal" else []
    said += [f"{each['name']} is {each['state']}" for each in told["breakers"] if each["order"] and each not in away]
    if not said:
        return {"text": "Everything works.", "grade": "good"}
    return {"text": f"Degraded: {'; '.join(said)}.", "grade": "bad" if away else "warn"}


def _card(breaker: Told, operations: list[Told]) -> dict[str, Any]:
    state, grade = STATES[breaker["state"]]
    seconds = breaker["down_for_seconds"]
    counted = Counter(each["answer"] for each in operations if breaker["name"] in each["missing"])
    return {
        "name": breaker["name"],
        "state": state,
        "grade": grade,
        "since": _ago(breaker["for_seconds"] if seconds is None else seconds),
        "cause": _why(breaker),
        "order": breaker["order"] and _ordered(breaker["order"]),
        "affected": _answers(counted) if counted else "Nobody.",
        "press": _press(breaker),
        "window": breaker["window"],
        "calls": breaker["calls"],
        "workers": breaker["workers"],
        "error": next((each["error"] for each in reversed(breaker["events"]) if each["error"]), None),
        "curves": _curves(breaker["history"]),
    }


def _why(breaker: Told) -> str:
    """Return why a breaker is as it is: what opened it, not that a probe has failed since."""
    last = breaker["timeline"][-1:]
    return str(last[0]["cause"] if last else breaker["cause"])


def _ordered(order: Told) -> str:
    ends = "without an end" if order["seconds_left"] is None else f"for another {_ago(order['seconds_left'])}"
    return f"By {order['actor']}: {order['reason']}; {ends}." if order["actor"] else f"By an operator, {ends}."


def _press(breaker: Told) -> str:
    """Return what an operator is to do about a breaker."""
    match breaker["state"]:
        case "closed":
            return "Nothing."
        case "open":
            return (
                f"Nothing: the next probe is in {_ago(breaker['next_probe_in'])}, and the breaker closes by itself. "
                "Look at the server. To stop even probes, force the breaker open."
            )
        case "half-open":
            return "Nothing: the result of the probe is known in a moment."
        case _:
            return "Reset when the reason of the order is gone. Otherwise the order ends by itself."


def _parts(features: Told) -> list[dict[str, Any]]:
    """Return the parts of the service that are not as usual, the worst first."""
    grades = {"unavailable": "bad", "degraded": "warn", "available": "good"}
    found = [
        {
            "name": name,
            "status": each["status"],
            "grade": grades[each["status"]],
            "since": _clock(each["since"]) if each["since"] else "",
            "answers": _answers(each["answers"]),
        }
        for name, each in features.items()
        if each["status"] != "available" or each["since"]
    ]
    return sorted(found, key=lambda each: list(grades).index(each["status"]))


def _answers(counted: dict[str, int]) -> str:
    """Return how many operations are answered in which way, in words, the worst first."""
    said = [f"{counted[answer]} {words}" for answer, words in ANSWERS.items() if counted.get(answer)]
    return f"Of the operations {', '.join(said)}."


def _changes(breakers: list[Told]) -> list[dict[str, str]]:
    """Return the transitions of all breakers, the newest first."""
    found = [{**event, "name": each["name"]} for each in breakers for event in each["timeline"]]
    found.sort(key=lambda event: event["at"], reverse=True)
    return [
        {
            "at": event["at"],
            "clock": _clock(event["at"]),
            "name": event["name"],
            "change": CHANGES[event["to"]],
            "cause": event["cause"],
            "error": event["error"] or "",
        }
        for event in found[:20]
    ]


def _curves(history: Told) -> dict[str, Any]:
    """Return the curves of the last minutes as paths, and what they say in words."""
    points, step = history["points"], history["seconds"]
    bad = [each["failures"] + each["refused"] for each in points]
    every = [each["successes"] + each["failures"] + each["refused"] for each in points]
    took = [each["seconds"] for each in points]
    timed = [each for each in took if each is not None]
    slowest = max(timed, default=0.0)
    span = f"In {step * len(points) // 60} minutes"
    return {
        "calls": _bars(every, max(every)),
        "bad": _bars(bad, max(every)),
        "took": _bars([each or 0.0 for each in took], slowest),
        "counted": f"{span}: {sum(every)} calls, {sum(bad)} of them failed or refused, at most {max(bad)} in {step} s.",
        "timed": f"{span}: calls took {1000 * sum(timed) / len(timed):.1f} ms, {1000 * slowest:.1f} at most."
        if timed
        else f"{span}: no call was timed.",
    }


def _bars(values: list[Any], most: float) -> str:
    """Return a path of one bar for each value, as high as its share of the most."""
    width = WIDTH / len(values)
    bars = (
        f"M{place * width:.0f} {HEIGHT}v{-max(1.0, HEIGHT * value / most):.1f}h{width - 1:.0f}V{HEIGHT}z"
        for place, value in enumerate(values)
        if value
    )
    return "".join(bars)


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%H:%M:%S UTC")


def _ago(seconds: float) -> str:
    """Return a time in words, with as much of it as matters."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
