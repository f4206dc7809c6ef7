"""How names become codes: `Camera Lenses` below `CAM` is `CAM-CL` (BR-A9, BR-A12)."""

import itertools
import re
import unicodedata
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import Category

LONGEST_CODE = 10
WIDTHS = {1: 4, 2: 4, 3: 3}  # of the part that each level adds; deeper ones add two characters
DEEPER = 2
NAMELESS = "CAT"  # of a name that has no Latin letter or digit
TRIED = 100


def shortened(name: str, longest: int) -> str:
    """Return 1 to `longest` characters of A-Z and 0-9, or nothing if the name has none of them.

    Several words give their initials if those fit, one word loses its vowels if two letters or more are left that
    fit, and anything else is cut off.
    """
    plain = unicodedata.normalize("NFKD", name.upper()).encode("ascii", "ignore").decode()
    words = re.findall("[A-Z0-9]+", plain)
    if not words:
        return ""
    if 1 < len(words) <= longest:
        return "".join(word[0] for word in words)
    bare = re.sub("[AEIOU]", "", words[0])
    return bare if 2 <= len(bare) <= longest else words[0][:longest]


# D52: the code stays.
def free_code(session: Session, name: str, above: str | None, level: int) -> str:
    """Return the first code for a category that no other has; only the holder of the turn may ask.

    `above` is the code of its parent.
    """
    candidates = _candidates(name, above, level)
    while True:
        batch = list(itertools.islice(candidates, TRIED))
        taken = set(session.scalars(select(Category.category_code).where(Category.category_code.in_(batch))))
        for code in batch:
            if code not in taken:
                return code


def _candidates(name: str, above: str | None, level: int) -> Iterator[str]:
    """Yield the code of a name, and then with the numbers from 2 in place of its last characters."""
    width = WIDTHS.get(level, DEEPER)
    part = shortened(name, width) or NAMELESS[:width]
    yield _below(above, part)
    for number in itertools.count(2):
        digits = str(number)
        yield _below(above, part[: max(1, width - len(digits))] + digits)


def _below(above: str | None, part: str) -> str:
    """Put a part below the parent's code, of which no more is kept than there is room for."""
    if above is None:
        return part
    return f"{above[: LONGEST_CODE - len(part) - 1].rstrip('-')}-{part}"
