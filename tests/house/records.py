"""What is written down to be cited, and who cites it: decisions in each package's DECISIONS.md, business rules."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("rental_backend", "migrations", "deploy", "tests", ".railway", ".github", ".ci")
SOURCES = (*FOLDERS, "wsgi.py", "gunicorn.conf.py", "setup.cfg", "README.md")
WRITTEN = {".py", ".js", ".md", ".yml", ".cfg"}
FIELDS = ("Date", "Status", "Decision", "Reason", "Alternative")
DECISION = re.compile(r"\bD[1-9]\d*\b")
RULE = re.compile(r"\bBR-[A-Z]\d*")
DEFINED = re.compile(r"^- \*\*(BR-[A-Z]\d+)\*\* (.*)", re.MULTILINE)
NO_CITATION = re.compile(r"# noqa: .*|^## D\d+ |^- \*\*BR-[A-Z]\d+\*\*", re.MULTILINE)


@dataclass(frozen=True)
class Decision:
    """A record of a decision, with its fields by name."""

    id: str
    title: str
    fields: dict[str, str]
    document: Path


def written(root: Path) -> Iterator[Path]:
    """Yield every file below a checkout that is written by hand and may cite something."""
    for name in SOURCES:
        place = root / name
        found = [place] if place.is_file() else place.rglob("*")
        yield from (path for path in sorted(found) if path.suffix in WRITTEN and path.is_file())


def decisions(root: Path) -> list[Decision]:
    """Return all records of decisions below a checkout, in the order of their documents."""
    return [
        Decision(*head.split(" ", 1), fields=dict(re.findall(r"- \*\*(\w+)\*\*: (.+)", body)), document=document)
        for document in written(root)
        if document.name == "DECISIONS.md"
        for head, _, body in (part.partition("\n") for part in document.read_text().split("\n## ")[1:])
    ]


def rules(root: Path) -> list[str]:
    """Return the ids of all business rules, in the order of their page."""
    return [rule for rule, text in DEFINED.findall((root / ".github" / "RULES.md").read_text()) if text]


def cited(root: Path, form: re.Pattern[str]) -> dict[str, set[str]]:
    """Return who cites what has an id of a form: the names of files by id. To define something is not to cite it."""
    found: dict[str, set[str]] = {}
    for path in written(root):
        for each in form.findall(NO_CITATION.sub("", path.read_text())):
            found.setdefault(each, set()).add(str(path.relative_to(root)))
    return found


def twice(ids: Iterable[str]) -> list[str]:
    """Return the ids that are there more than once."""
    return sorted(each for each, number in Counter(ids).items() if number > 1)
