"""Words that hide who does what to what, and the texts that are held free of them."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

PATTERNS = (  # what is searched: all that ships, and the documents of the repository
    "rental_backend/**/*",
    "deploy/**/*",
    "migrations/**/*",
    ".github/*.md",
    "README.md",
    "wsgi.py",
    "gunicorn.conf.py",
)
WORST = (  # people are "they", and a noun stands where a noun is known
    "he",
    "him",
    "his",
    "himself",
    "whoever",
    "whomever",
    "those that",
    "those who",
    "those of",
    "for which was",
    "which else",
    "lest",
    "return one",
    "create one",
    "take one",
)
RENAMED = (  # names of ours that are gone: each joins them when nothing bears it any more
    "door",
    "doors",
    "lane",
    "lanes",
    "tally",
    "tallies",
    "beacon",
    "shared page",
)
TEXTS = {".py", ".md", ".html", ".js", ".css", ".yml"}
FOUND = re.compile(r"\b(" + "|".join((*WORST, *RENAMED)).replace(" ", r"\s+") + r")\b", re.IGNORECASE)


def worst_words(text: str) -> list[str]:
    """Return the worst words of a text, in lower case."""
    return [" ".join(found[0].lower().split()) for found in FOUND.finditer(text)]


def searched(root: Path) -> Iterator[Path]:
    """Yield the files that are held free of the worst words."""
    found = {path for pattern in PATTERNS for path in root.glob(pattern)}
    yield from sorted(path for path in found if path.suffix in TEXTS)


def offences(path: Path) -> Iterator[str]:
    """Yield `line: word` for each of the worst words in the texts of a file."""
    for line, text in _texts(path):
        for found in FOUND.finditer(text):
            yield f"{line + text.count(chr(10), 0, found.start())}: {' '.join(found[0].lower().split())}"


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of what people read in a file: of a program its strings and comments."""
    source = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
