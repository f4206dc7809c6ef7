"""Tables in files, as spreadsheets and other programs write them: what is sure is recognised, what is not is named.

A byte order mark, or every other byte being zero, tells UTF-16. Which of the older encodings a file is in cannot be
told from it, and a guess would store wrong letters: the sender names it. The separator is the one by which the header
has most of the names that are known.
"""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...errors import BadRequest, Invalid, UnsupportedMedia

# What browsers and programs call a file of Excel's or of its like, beside text/csv.
MEDIA_TYPES = frozenset(
    (
        *("text/csv", "application/csv", "application/x-csv", "text/x-csv", "text/comma-separated-values"),
        *("text/x-comma-separated-values", "text/tab-separated-values", "text/plain", "application/vnd.ms-excel"),
    )
)
WORKBOOKS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how the files .xlsx and .xls begin
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
KNOWN = ("utf-8", "us-ascii", "utf-16", *(f"iso-8859-{part}" for part in (1, 2, 5, 7, 9, 15)))
CHARSETS = frozenset(codecs.lookup(name).name for name in (*KNOWN, *(f"windows-{page}" for page in range(1250, 1259))))
SEPARATORS = ",;\t|"
SAID_SEPARATOR = re.compile(r"sep=(.)\r?\n")  # Excel's first line of a file
UTF_8 = "Save the file as CSV UTF-8, or name its encoding in Content-Type, as in: text/csv; charset=windows-1252."


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, its rows by the line on which they begin, and what is wrong with other rows."""

    columns: tuple[str, ...]
    rows: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: dict[int, dict[str, list[str]]] = field(default_factory=dict)


def folded(name: str) -> str:
    """Return a column's name as it is compared: `First Name` is `first_name`."""
    return re.sub(r"[\s_-]+", "_", name.strip()).lower()


def doubled(names: Iterable[str]) -> list[str]:
    """Return those names that are there more than once."""
    return [name for name, times in Counter(names).items() if times > 1]


def said_twice(names: Iterable[str]) -> Invalid:
    """Return the refusal of names that are sent more than once."""
    return Invalid({name: ["Is sent more than once."] for name in names})


def read_table(raw: bytes, charset: str | None, known: Iterable[str], plain: Callable[[str], str]) -> Table:
    """Return the table in a file with a header; `known` names columns, `plain` makes a cell what it was.

    Cells that a row lacks are empty, and rows of nothing but empty cells are passed over. Raises `BadRequest` (not CSV,
    another encoding), `UnsupportedMedia` (a workbook) and `Invalid` (a column that is there twice).
    """
    text, before = _decoded(raw, charset), 0
    named = {folded(name): name for name in known}
    if stated := SAID_SEPARATOR.match(text):
        text, before = text[stated.end() :], 1
    separator = stated[1] if stated else _separator(text, named)
    lines = _lines(text, separator, before)
    header = next((cells for _, cells in lines), [])
    columns = tuple(named.get(folded(cell), cell.strip()) for cell in header)
    if twice := doubled(filter(None, columns)):
        raise said_twice(twice)
    table = Table(tuple(filter(None, columns)))
    for line, cells in lines:
        pairs = list(itertools.zip_longest(columns, cells, fillvalue=""))
        beyond = [place for place, (name, cell) in enumerate(pairs, 1) if cell.strip() and not name]
        if beyond:
            said = f"Has something in column {beyond[0]}, which has no name in the header."
            table.faults[line] = {"row": [said]}
        else:
            table.rows[line] = {name: plain(cell) for name, cell in pairs if name}
    return table


def _decoded(raw: bytes, charset: str | None) -> str:
    if raw.startswith(WORKBOOKS):
        raise UnsupportedMedia("This is a workbook of Excel. Save it as CSV UTF-8, and send that.")
    mark = next((mark for mark in BYTE_ORDER_MARKS if raw.startswith(mark)), b"")
    encoding = BYTE_ORDER_MARKS.get(mark) or _encoding(raw, charset or "utf-8")
    try:
        return raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _broken(f"line {line} is not {encoding}. {UTF_8}") from None


def _encoding(raw: bytes, charset: str) -> str:
    """Return the encoding that was named, or the one of UTF-16 that zeros give away."""
    if b"\0" in raw[:2]:
        return "utf-16-be" if raw[:1] == b"\0" else "utf-16-le"
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        name = ""
    if name not in CHARSETS:
        raise UnsupportedMedia(f"The encoding {charset[:50]} is not known. {UTF_8}")
    return name


def _separator(text: str, named: dict[str, Any]) -> str:
    """Return the separator by which the header has most known names, or else most names."""
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]

    def names(separator: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=separator), [])
        return sum(folded(cell) in named for cell in cells), len(cells)

    return max(SEPARATORS, key=names)


def _lines(text: str, separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, by the line on which they begin. Raises `BadRequest`."""
    reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), before + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _broken(f"line {line}: {error}") from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = before + reader.line_num + 1


def _broken(why: str) -> BadRequest:
    return BadRequest(f"The body is not valid CSV: {why}", code="invalid_csv")
