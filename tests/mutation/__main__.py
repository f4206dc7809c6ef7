"""Try mutants: `python -m tests.mutation --number 300`; it prints each, and at the end the share that was noticed."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutation import equivalent, targets
from tests.mutation.mutants import Mutant, sample
from tests.mutation.runner import Copy, Forks, warm
from tests.mutation.trials import DEADLINE, Trials

ROOT = Path(__file__).parents[2]
ROOMS = ("web", "infra", "accounts", "settings", "catalog", "parties", "inventory", "analytics")


# D134: a sample, and nine of ten.
def main() -> int:
    """Print what became of each mutant, and all that survived; 0 if enough were noticed."""
    given = _arguments()
    files = [path for room in given.rooms for path in (given.root / "rental_backend" / room).rglob("*.py")]
    named = equivalent.names()
    chosen = sample(given.root, files, given.skip + given.number, given.seed, without=named)[given.skip :]
    warm()
    with tempfile.TemporaryDirectory(prefix="m", dir=given.folder) as folder:
        copies = [Copy(given.root, Path(folder, str(number))) for number in range(given.processes)]
        forks = Forks(copies, given.deadline)
        if failing := [] if given.own_only else _failing(given.root, forks, chosen):
            print("without any fault fails", *failing, sep="\n  ")
            return 2
        verdicts = Trials(given.root, forks, own_only=given.own_only).run(chosen)
    survivors = [each for each in verdicts if not each.killed]
    late = sum(each.by == DEADLINE for each in verdicts)
    share = 1 - len(survivors) / max(1, len(verdicts))
    print(f"{len(verdicts)} mutants, {share:.1%} noticed, {late} of them by the deadline; survivors:")
    for each in survivors:
        print(f"  {each.mutant}")
    return 0 if verdicts and share >= given.bar else 1


def _failing(root: Path, forks: Forks, chosen: Sequence[Mutant]) -> list[str]:
    """Return which of the tests that are to notice the faults fails before there is any: it would notice all."""
    failing: list[str] = []

    def then(_: Copy, by: str, __: float) -> None:
        failing.extend([by] if by else [])

    for which in (targets.own, targets.others):
        tests = [test for mutant in chosen for test in which(root, mutant.path)]
        forks.run(list(dict.fromkeys(tests)), lambda _: None, then)
    forks.finish()
    return failing


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--skip", type=int, default=0, help="of the sample, so many of the first")
    parser.add_argument("--seed", default="1", help="another one makes another sample")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--deadline", type=float, default=600, help="seconds for one run of tests")
    parser.add_argument("--own-only", action="store_true", help="run the tests of the folder of each fault only")
    parser.add_argument("--bar", type=float, default=0.9, help="the share that has to be noticed")
    parser.add_argument("--folder", default=None, help="where the copies are made")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, help="folders of rental_backend")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
