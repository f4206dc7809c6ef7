"""How the document words its operations: what each summary must be, and what no text may hold."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.house.words import worst_words

LONGEST = 80
VERBS = {
    *("Activate", "Add", "Allow", "Ask", "Assign", "Blacklist", "Block", "Cancel", "Change", "Check", "Clone"),
    *("Convert", "Correct", "Count", "Create", "Deactivate", "Delete", "Download", "End", "Exchange", "Export"),
    *("Force", "Generate", "Grant", "Import", "Inject", "Issue", "List", "Move", "Name", "Open", "Post", "Preview"),
    *("Refuse", "Reload", "Remove", "Rename", "Reset", "Return", "Revoke", "Search", "Set", "Show", "Sign"),
    *("Soft-delete", "Start", "Stop", "Test", "Toggle"),
}
NO_NOUNS = {"one", "ones", "it", "them", "those", "these", "each", "everything", "something", "somebody", "many"}


def misworded(summaries: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what is wrong with the summaries, given as (operation, summary)."""
    seen: dict[str, str] = {}
    for name, summary in summaries:
        verb, _, rest = summary.rstrip(".").partition(" ")
        if summary in seen:
            yield f"{name}: the same as {seen[summary]}"
        if not summary.endswith(".") or summary[:1] != summary[:1].upper():
            yield f"{name}: no sentence"
        if len(summary) > LONGEST:
            yield f"{name}: {len(summary)} characters"
        if verb not in VERBS:
            yield f"{name}: {verb} is no verb of ours"
        if rest.split(" ")[0].rstrip(",.") in NO_NOUNS:
            yield f"{name}: no noun"
        yield from (f"{name}: {word}" for word in worst_words(summary))
        seen[summary] = name


def texts(part: Any) -> Iterator[str]:
    """Yield every summary and description of a document."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("summary", "description") and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(part, list):
        for each in part:
            yield from texts(each)
