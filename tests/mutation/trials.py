"""Mutants on trial: each against the tests of its folder, then against others, and what failed is asked once more."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.mutation import targets
from tests.mutation.mutants import Mutant
from tests.mutation.runner import Copy, Forks

DEADLINE = "deadline"
NOT_BEGUN = "(setup)"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `by` is the test that noticed, "" if none did, and how long it took in seconds."""

    mutant: Mutant
    by: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether any test noticed."""
        return self.by != ""


@dataclass(frozen=True)
class Step:
    """What is run next for a mutant: the tests of its folder, or `last` the others, but for some.

    `asked` is a test that could not begin, and is run once more by itself: a server may not have come up in time.
    """

    mutant: Mutant
    last: bool = False
    asked: str = ""
    without: tuple[str, ...] = ()
    seconds: float = 0.0


class Trials:
    """Runs mutants in forks, and prints what becomes of each."""

    def __init__(self, root: Path, forks: Forks, *, own_only: bool = False) -> None:
        self._root, self._forks, self._own_only = root, forks, own_only
        self._steps: deque[Step] = deque()
        self.verdicts: list[Verdict] = []

    def run(self, mutants: Sequence[Mutant]) -> list[Verdict]:
        """Return what became of each."""
        self._steps.extend(map(Step, mutants))
        while self._steps:
            while self._steps:
                self._take(self._steps.popleft())
            self._forks.finish()
        return self.verdicts

    def _take(self, step: Step) -> None:
        mutant = step.mutant
        source = (self._root / mutant.path).read_text()
        which = targets.others if step.last else targets.own
        tests = [step.asked] if step.asked else which(self._root, mutant.path)
        tests += [f"--deselect={test}" for test in step.without]

        def then(copy: Copy, by: str, seconds: float) -> None:
            copy.write(mutant.path, source)
            self._settle(replace(step, seconds=step.seconds + seconds), by)

        self._forks.run(tests, lambda copy: copy.write(mutant.path, mutant.text), then)

    def _settle(self, step: Step, by: str) -> None:
        """Believe a test that fails, or cannot begin in two processes; pass over one that could not in one only."""
        if by and (step.asked or not by.endswith(NOT_BEGUN)):
            self._tell(step, step.asked or by.rpartition(" (")[0] or by)
        elif by:
            self._steps.appendleft(replace(step, asked=by.rpartition(" (")[0]))
        elif step.asked:
            self._steps.appendleft(replace(step, asked="", without=(*step.without, step.asked)))
        elif not step.last and not self._own_only:
            self._steps.appendleft(replace(step, last=True))
        else:
            self._tell(step, "")

    def _tell(self, step: Step, by: str) -> None:
        self.verdicts.append(Verdict(step.mutant, by, step.seconds))
        print(f"{len(self.verdicts):4} {step.seconds:6.1f} s {step.mutant}\n       {by or 'SURVIVED'}", flush=True)
        for test in step.without:
            print(f"       not believed, for it failed once only: {test}", flush=True)
