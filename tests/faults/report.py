"""What the fault suite writes: a table, the figures as JSON, and plots as PNG and as a page."""

import json
import os
import shutil
import statistics
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.figures import BusinessMetrics, Course
from tests.faults.load import Seen

HEAD = """
                                             slowest  degraded  stale  opened  recovered      not  untrue of  wrong
fault                               answers       ms    p99 ms  share       s          s  planned   refusals writes
""".strip("\n")
BEGIN, END = "<!-- written by the fault suite: -->\n", "<!-- until here -->"
COLOURS = {"full": "#2a7", "stale or partial": "#38c", "refused": "#e90", "no answer, or another": "#d22"}


@dataclass
class Report:
    """The figures of all faults so far, for `folder`."""

    folder: Path
    courses: dict[str, Course] = field(default_factory=dict)
    found: dict[str, BusinessMetrics] = field(default_factory=dict)
    kept: dict[str, list[float]] = field(default_factory=dict)  # throughput by clock and processor, also with no fault

    def add(self, name: str, course: Course, found: BusinessMetrics) -> None:
        """Take up a fault."""
        self.courses[name], self.found[name] = course, found

    @staticmethod
    def line(name: str, found: BusinessMetrics) -> str:
        """Return a fault's line of the table."""
        p99 = "-" if found.p99_degraded is None else f"{found.p99_degraded * 1000:.1f}"
        opened = "-" if found.opened is None else f"{found.opened:.2f}"
        return (
            f"{name:35} {found.answers:7} {found.slowest * 1000:8.0f} {p99:>9} {found.stale_share:6.2f} {opened:>7}"
            f" {found.recovered:10.2f} {found.unplanned:8} {f'{found.untrue}/{found.refusals}':>10} {found.wrong:6}"
        )

    def table(self) -> str:
        """Return the table of all faults, and the bars over all of them."""
        return "\n".join([HEAD, *(self.line(name, found) for name, found in self.found.items()), "", *self.bars()])

    def bars(self) -> list[str]:
        """Return the figures over all faults."""
        every = [*self.found.values()]
        degraded = [each.p99_degraded for each in every if each.p99_degraded is not None]
        recovered = [each.recovered for each in every if each.opened is not None]
        bare = [each.p99_bare for each in every if each.p99_bare is not None]
        return [
            f"slowest answer {max(each.slowest for each in every):.2f} s (wanted: 1.5 at most)",
            f"degraded answers once open: p99 {_ms(degraded, statistics.median)} ms, median of faults, "
            f"{_ms(degraded, max)} the worst (10);",
            f"of a server that does nothing {_ms(bare, statistics.median)} and {_ms(bare, max)}",
            f"recovered after {_s(recovered, statistics.median)} s in the median (2), {_s(recovered, max)} at most (5)",
            f"{sum(each.unplanned for each in every)} answers not planned; "
            f"{sum(each.untrue for each in every)} of {sum(each.refusals for each in every)} refusals untrue (0)",
            f"{sum(each.lost for each in every)} changes lost, {sum(each.doubled for each in every)} doubled, "
            f"{sum(each.wrong for each in every)} wrong in any way (0)",
            f"probes, of what the database answers in a second: {max(each.probe_share for each in every):.4f} (0.01)",
            "calls at once in the second after closing, over those in a second before any fault (1.2):",
            *(f"    {self._herd(name)}" for name in sorted({name for each in every for name in each.calm})),
            *(line for name, kept in self.kept.items() for line in _kept(name, kept)),
        ]

    def _herd(self, name: str) -> str:
        """Return how many calls met a dependency in the second after a closing, beside a second before any fault."""
        every = [*self.found.values()]
        calm = statistics.mean([most for each in every for most in each.calm.get(name, [])] or [0])
        after = [most / calm for each in every for most in each.after_closing.get(name, []) if calm]
        return f"{name}: {_s(after, statistics.mean)} in the mean, {_s(after, max)} at most, of {calm:.2f}"

    def write(self) -> None:
        """Write everything."""
        if not self.found:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        load = " ".join(f"{each:.1f}" for each in os.getloadavg())
        (self.folder / "table.txt").write_text(f"load {load}\n{self.table()}\n")
        (self.folder / "figures.json").write_text(
            json.dumps({name: asdict(found) for name, found in self.found.items()}, indent=1)
        )
        self._plot()
        (self.folder / "index.html").write_text(
            f"<!doctype html><meta charset=utf-8><title>Faults</title><h1>Faults</h1><p>Load {load}</p>"
            f"<pre>{self.table()}</pre><img src=faults.png alt='Every answer of every fault'>"
        )

    def show(self, document: Path, folder: Path) -> None:
        """Put the table into a document, between its marks, and plot and page into the folder it shows them from."""
        text = document.read_text()
        before, begin, rest = text.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            raise ValueError(f"{document} has no place for the table")
        table = (self.folder / "table.txt").read_text()
        document.write_text(before + begin + "\n" + textwrap.indent(table, "    ") + "\n" + end + after)
        for name, shown in (("faults.png", "faults.png"), ("index.html", "faults.html")):
            shutil.copyfile(self.folder / name, folder / shown)

    def _plot(self) -> None:
        """Draw each answer as a dot: when it was asked for, how long it took, what it was."""
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot
        from PIL import Image

        rows = -(-len(self.courses) // 4)
        figure, panes = pyplot.subplots(rows, 4, figsize=(14, 1.9 * rows), squeeze=False, layout="constrained")
        for pane in panes.flat[len(self.courses) :]:
            pane.remove()
        for (name, course), pane in zip(self.courses.items(), panes.flat, strict=False):
            pane.axvspan(0, course.ended - course.injected, color="#eee")
            for label, colour in COLOURS.items():
                dots = [each for each in course.seen if kind(each) == label]
                pane.scatter(
                    [each.began - course.injected for each in dots], [each.took * 1000 for each in dots],
                    s=2, color=colour, linewidths=0, label=label,
                )  # fmt: skip
            pane.axhline(1500, color="#d22", linewidth=0.5)
            pane.set(yscale="log", ylim=(0.5, 3000), title=name)
            pane.title.set_fontsize(8)
            pane.tick_params(labelsize=6)
        figure.supxlabel("seconds since the fault began", fontsize=8)
        figure.supylabel("milliseconds to the answer", fontsize=8)
        figure.legend(*panes.flat[0].get_legend_handles_labels(), loc="outside upper right", ncols=4, markerscale=5)
        figure.savefig(self.folder / "faults.png", dpi=80)
        with Image.open(self.folder / "faults.png") as drawn:
            few = drawn.convert("RGB").quantize(16)  # colours: half the size
        few.save(self.folder / "faults.png", optimize=True)


def kind(seen: Seen) -> str:
    """Return which colour an answer has."""
    if seen.status in (200, 201):
        return "stale or partial" if seen.degraded else "full"
    return "refused" if seen.status == 503 else "no answer, or another"


def _s(values: list[float], of: Callable[[list[float]], float]) -> str:
    return f"{of(values):.2f}" if values else "-"


def _ms(values: list[float], of: Callable[[list[float]], float]) -> str:
    return f"{of(values) * 1000:.1f}" if values else "-"


def _kept(name: str, kept: list[float]) -> list[str]:
    clock, processor, calm, still = kept
    return [
        f"{name}: throughput {clock:.2f} by the clock,",
        f"    {processor:.2f} by the processor (0.95; with nothing away {calm:.2f} and {still:.2f})",
    ]
