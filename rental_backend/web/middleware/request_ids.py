"""The id of a request: the caller's, if it can be written anywhere, or one of ours."""

import random
import re

ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id(given: str | None) -> str:
    """Return the id that a caller has given, or a random UUID (version 4) if there is none or it is not acceptable."""
    return given if given and ACCEPTABLE.fullmatch(given) else _new_id()


def _new_id() -> str:
    """Return a random UUID. It keeps no secret, so that it need not cost a system call."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
