"""How many guesses a password takes at the least, by what guessers try first.

A password is cut into the pieces that cost a guesser least: words that many choose, what is known of the user, runs on
a keyboard, sequences, repeats, years. What is left over counts letter by letter.
"""

import itertools
import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from pathlib import Path

LOOKED_AT = 40  # characters; what is not strong enough by then is one thing over and over
SHORTEST_RUN = 3
COMMON = Path(__file__).with_name("common_words.txt")
# Digits of ten of the number of guesses that a piece takes.
LETTER, WORD, KNOWN, YEAR, RUN, AGAIN = 1.0, 2.0, 0.5, 1.5, 1.0, 0.5
ROWS = (
    *(
        "`1234567890-=",
        "qwertyuiop[]",
        "asdfghjkl;'",
        "zxcvbnm,./",
        "qwertzuiop",
        "yxcvbnm",
        "azertyuiop",
        "qsdfghjklm",
    ),
    *("!@#$%^&*()", "1q2w3e4r5t6y7u8i9o0p", "qawsedrftgyhujikolp", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/"),
    *("qazwsxedcrfvtgbyhnujmikolp", "147258369", "159753"),
)
KEYS = (*ROWS, *(row[::-1] for row in ROWS))
LIKE_LETTERS = str.maketrans("@4031!$57+8", "aaoeiissttb")
ONE_IS_AN_L = str.maketrans({"1": "l"})
YEARS = re.compile(r"(?:19|20)\d\d")
WORDS = re.compile(r"[^\W\d_]{3,}|\d{3,}")


def strength(password: str, known: Iterable[str] = ()) -> float:
    """Return the number of guesses as a power of ten; `known` is what everybody knows of the user."""
    said = password.casefold()[:LOOKED_AT]
    return _cheapest(said, frozenset(part for text in known for part in _parts(text)))


def _parts(text: str) -> Iterable[str]:
    """Yield a name or address of at least three letters, and its words."""
    folded = text.casefold().strip()
    return [folded, *WORDS.findall(folded)] if len(folded) >= SHORTEST_RUN else []


@lru_cache(maxsize=1024)
def _cheapest(said: str, known: frozenset[str]) -> float:
    """Return what the cheapest pieces cost that a text can be cut into."""
    costs = [0.0]
    for end in range(1, len(said) + 1):
        pieces = (costs[start] + _cost(said[start:end], known) for start in range(end - 1))
        costs.append(min([costs[end - 1] + LETTER, *pieces]))
    return costs[-1]


def _cost(piece: str, known: frozenset[str]) -> float:
    """Return what one piece of two letters or more costs."""
    spelt = {piece, piece.translate(LIKE_LETTERS), piece.translate(ONE_IS_AN_L).translate(LIKE_LETTERS)}
    if _is_one_of(spelt, known):
        return KNOWN
    if _is_one_of(spelt, common_words()):
        return WORD
    if len(piece) >= SHORTEST_RUN and (_is_sequence(piece) or any(piece in row for row in KEYS)):
        return RUN
    if YEARS.fullmatch(piece):
        return YEAR
    for length in range(1, len(piece) // 2 + 1):
        unit = piece[:length]
        if unit * (len(piece) // length) == piece:
            return (_cheapest(unit, known) if length > 1 else LETTER) + (AGAIN if length > 1 else 0.0)
    return LETTER * len(piece)


def _is_one_of(spelt: Iterable[str], words: Collection[str]) -> bool:
    return any(each in words or each[::-1] in words for each in spelt)


def _is_sequence(piece: str) -> bool:
    """Tell whether letters follow each other in equal steps of one or two, as in `abcd`, `8642`."""
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(piece)}
    return len(steps) == 1 and 0 < abs(next(iter(steps))) <= 2


@cache
def common_words() -> frozenset[str]:
    """Return the words that many choose, in lower case."""
    return frozenset(COMMON.read_text("utf-8").split())
