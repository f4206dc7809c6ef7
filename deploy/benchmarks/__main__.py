"""Run the benchmarks that are named, or all."""

import sys

from deploy.benchmarks import breakers, items, reads, stale

BENCHMARKS = {"breakers": breakers.main, "items": items.main, "reads": reads.main, "stale": stale.main}


def main(names: list[str]) -> int:
    """Run them one after the other; return 2 if one is not known."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.stderr.write(f"deploy/bench: no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}\n")
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
