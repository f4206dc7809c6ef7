"""What the forms of users and of roles share: both spellings, names, ids."""

import re
import uuid
from typing import Unpack

from marshmallow import fields, pre_load, validate

from ..fields import Options, Text
from ..schemas import Payload

MOST_AT_ONCE = 1000


class EitherSpelling(Payload):
    """A payload whose fields may come as `user_type` or as `userType`; if both say something, the former counts."""

    @pre_load
    def read_either_spelling(self, data: object, **_: object) -> object:
        """Turn camelCase into snake_case."""
        if not isinstance(data, dict):
            return data
        return {_snake(name): value for name, value in sorted(data.items(), key=lambda item: item[0] in self.fields)}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: "_" + found[0].lower(), name)


class Names(fields.List[str]):
    """The names (or ids) of permissions."""

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(Text(100, 1), validate=validate.Length(max=MOST_AT_ONCE), **kwargs)


class Ids(fields.List[uuid.UUID]):
    """Ids, at least one of them."""

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(fields.UUID(), validate=validate.Length(1, MOST_AT_ONCE), **kwargs)
