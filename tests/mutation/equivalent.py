"""The mutants that do what the original does, each with the reason: they are not tried."""

from pathlib import Path

LISTED = Path(__file__).with_name("equivalent.txt")


def names() -> dict[str, str]:
    """Return the reason of each, by its name: `path function: before -> after`, and an indented line below it."""
    reasons: dict[str, str] = {}
    name = ""
    for line in LISTED.read_text().splitlines():
        if line.startswith("    "):
            reasons[name] = f"{reasons[name]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            name = line
            reasons[name] = ""
    return reasons
