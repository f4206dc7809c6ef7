"""What a Dockerfile says, as far as ours goes, and what `.dockerignore` keeps from the builder."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word, and what follows it, continued lines joined."""

    word: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows, in words, without options."""
        return [word for word in self.text.split() if not word.startswith("--")]

    @property
    def exec_form(self) -> list[str]:
        """The command in exec form. Raises ValueError where there is none."""
        command: Any = json.loads(self.text[self.text.index("[") :])
        return [str(word) for word in command]


def instructions(dockerfile: Path) -> list[Instruction]:
    """Return the instructions of a Dockerfile, in order."""
    lines = [line for line in dockerfile.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(word.upper(), text) for word, _, text in (line.partition(" ") for line in joined.split("\n"))]


def last_stage(found: list[Instruction]) -> list[Instruction]:
    """Return the instructions of the stage that is shipped, its FROM first."""
    return found[max(at for at, each in enumerate(found) if each.word == "FROM") :]


def sources(found: list[Instruction]) -> list[str]:
    """Return the paths that COPY takes from the checkout, not those from another stage."""
    copies = [each for each in found if each.word == "COPY" and "--from=" not in each.text]
    return [source for each in copies for source in each.words[:-1]]


def ignored(path: str, dockerignore: Path) -> bool:
    """Whether a path of the checkout is kept from the builder: the last matching line decides, as Docker has it."""
    lines = [line for line in dockerignore.read_text().splitlines() if line and not line.startswith("#")]
    verdict = False
    for line in lines:
        pattern = line.removeprefix("!")
        if any(_matches(str(part), pattern) for part in (PurePosixPath(path), *PurePosixPath(path).parents)):
            verdict = not line.startswith("!")
    return verdict


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rpartition("/")[2], pattern[3:])
    return path.count("/") == pattern.count("/") and path != "." and fnmatch(path, pattern)
