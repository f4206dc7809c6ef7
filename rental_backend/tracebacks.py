"""What is written down of an exception: its kinds, a few facts and the stack, and never its message.

Messages repeat values: a driver's hold the parameters of the statement, PostgreSQL's the key that is in use, Python's
own what could not be read. A log is read by more people than the rows are, and kept for longer. What a message of
our own says stands in the line of the source that is shown. This module imports next to nothing: logs begin with it.
"""

import errno
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType

NAMES = ("constraint_name", "schema_name", "table_name", "column_name")  # which PostgreSQL tells of an error
OURS = ("rental_backend", "gunicorn")
CAUSE = "\nThat exception was the cause of this one:\n\n"
CONTEXT = "\nWhile that exception was handled, this one came up:\n\n"


# D107: the log has no message of an exception.
def describe(error: BaseException) -> str:
    """Return an exception with its causes as Python prints them, but with facts instead of messages."""
    return "".join(_lines(error, set())).rstrip("\n")


def named(error: BaseException) -> str:
    """Return the kind of an exception, with what is known of it besides its message."""
    kind = type(error)
    place = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    facts = ", ".join(_facts(error))
    return f"{place}{kind.__qualname__}{f' ({facts})' if facts else ''}"


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield the lines of an exception after what led to it; each exception once."""
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        yield from _lines(earlier, seen)
        yield CAUSE if error.__cause__ else CONTEXT
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{named(error)}\n"
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield "\nA part of it:\n\n"
        yield from _lines(part, seen)


def _facts(error: BaseException) -> Iterator[str]:
    """Yield what an exception tells by attributes that hold no values."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        yield f"SQLSTATE {state}"
    told = getattr(error, "diag", None)
    for name in NAMES if told is not None else ():
        if found := getattr(told, name, None):
            yield f"{name.removesuffix('_name')} {found}"
    if isinstance(error, OSError) and error.errno:
        yield errno.errorcode.get(error.errno, str(error.errno))
    if isinstance(error, ModuleNotFoundError) and error.name:
        yield f"No module named {error.name!r}"


class Wordless(logging.Filter):
    """Takes the messages of exceptions out of what a record says, and of libraries what they say for their developers.

    At the level DEBUG libraries log rows, packets and addresses.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Put what is known of them in place of exceptions that are arguments, or the message itself."""
        if isinstance(record.msg, BaseException):
            record.msg, record.args = named(record.msg), None
        if isinstance(record.args, tuple):
            record.args = tuple(named(each) if isinstance(each, BaseException) else each for each in record.args)
        return record.levelno >= logging.INFO or record.name.startswith(OURS)


def watch() -> None:
    """Have what nobody catches logged instead of printed: in threads, in the main one, and while objects are deleted.

    For programs, not for a library: it concerns the whole process.
    """
    log = logging.getLogger("rental_backend.uncaught")

    def write(error: BaseException | None, place: str) -> None:
        if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
            log.error("nobody caught an error in %s", place, exc_info=error)

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        write(error, "the main thread")

    sys.excepthook = in_main
    sys.unraisablehook = lambda found: write(found.exc_value, "a finalizer")
    threading.excepthook = lambda found: write(found.exc_value, found.thread.name if found.thread else "a thread")
