"""Stock keeping units: `CAT-SUB-PROD-A-NNN` (BR-A9).

CAT and SUB are made of the first two parts of the category's path, PROD of the item's name, A says whether it is
rented (R) or sold (S), and NNN counts the items of such a prefix. The number is taken from a counter whose row stays
locked until the item is stored: two creations never get the same one, and one that is rolled back gives it back.
"""

import re
import unicodedata
from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ..models import Item, SkuSequence

NO_CATEGORY = ("MISC", "ITEM")
NO_SUBCATEGORY = "GEN"
NO_NAME = "PROD"
LONGEST = (4, 3)  # of CAT and SUB


class Codes(NamedTuple):
    """The parts of a SKU before its number."""

    category: str
    subcategory: str
    product: str
    attributes: str

    @property
    def prefix(self) -> str:
        """All parts, of 15 characters at the most."""
        return "-".join(self)

    def numbered(self, number: int) -> str:
        """Return the whole SKU."""
        return f"{self.prefix}-{number:03}"


def codes(path: str | None, name: str, *, rentable: bool) -> Codes:
    """Return the codes of an item by its category's path (None: it has none), its name and its use."""
    product = "".join(_words(name))[:4].ljust(4, "0") if _words(name) else NO_NAME
    return Codes(*(_categories(path) if path else NO_CATEGORY), product, "R" if rentable else "S")


# D54: the number is taken under its counter's lock.
def take(session: Session, codes: Codes) -> str:
    """Return the next SKU of a prefix, which nobody else gets unless this transaction is rolled back."""
    while True:
        sku = codes.numbered(_counted(session, codes.prefix))
        if session.scalar(select(Item.id).where(Item.sku == sku)) is None:
            return sku


def next_number(session: Session, codes: Codes) -> int:
    """Return the number that the next item of a prefix would get, without taking it."""
    counter = select(SkuSequence.next_sequence).where(*_of(codes.prefix))
    return session.scalar(counter) or _highest(session, codes.prefix) + 1


def _counted(session: Session, prefix: str) -> int:
    """Count on; the first time from the highest number that is there, wherever it came from."""
    taken = SkuSequence.next_sequence - 1
    counted = update(SkuSequence).where(*_of(prefix)).values(next_sequence=SkuSequence.next_sequence + 1)
    number = session.scalar(counted.returning(taken), execution_options={"synchronize_session": False})
    if number is None:
        first = insert(SkuSequence).values(category_code=prefix, next_sequence=_highest(session, prefix) + 2)
        onward = first.on_conflict_do_update(
            index_elements=["brand_code", "category_code"], set_={"next_sequence": SkuSequence.next_sequence + 1}
        )  # somebody else was first, and has stored their item by now
        number = session.scalar(onward.returning(taken))
    return int(number or 0)


def _of(prefix: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return SkuSequence.category_code == prefix, SkuSequence.brand_code.is_(None)


def _highest(session: Session, prefix: str) -> int:
    number = cast(func.substr(Item.sku, len(prefix) + 2), Integer)
    known = select(func.max(number)).where(Item.sku.regexp_match(f"^{prefix}-[0-9]{{1,9}}$"))
    return session.scalar(known) or 0


def _categories(path: str) -> tuple[str, str]:
    parts = [_words(part) for part in path.split("/")][:2]
    found = [_short(words, longest) if words else None for words, longest in zip(parts, LONGEST, strict=False)]
    return found[0] or NO_CATEGORY[0], (found[1] if len(found) > 1 else None) or NO_SUBCATEGORY


def _short(words: list[str], longest: int) -> str:
    """Return initials if there are several words and few enough, else the first without vowels, else its beginning."""
    if 1 < len(words) <= longest:
        return "".join(word[0] for word in words)
    bare = re.sub("[AEIOU]", "", words[0])
    return bare if 2 <= len(bare) <= longest else words[0][:longest]


def _words(text: str) -> list[str]:
    """Return the words of a text in capital letters and digits; accents are dropped, other scripts are not read."""
    plain = unicodedata.normalize("NFKD", text).upper()
    return re.findall("[A-Z0-9]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))
