"""The wire forms of the origins that may call from browsers."""

from typing import ClassVar

from ...fields import Text, Whole
from ...schemas import Payload


class OriginQuery(Payload):
    """An origin."""

    EXAMPLE: ClassVar = {"origin": "https://shop.example"}

    origin = Text(required=True)


class NewOrigin(OriginQuery):
    """A new allowed origin. There is a single category."""

    EXAMPLE: ClassVar = {"origin": "https://shop.example"}

    category = Text(100)


class PortRange(Payload):
    """The first and the last port of localhost that are allowed."""

    start_port = Whole(1, 65535, load_default=3000)
    end_port = Whole(1, 65535, load_default=3050)


class EndpointQuery(Payload):
    """The path of an operation."""

    endpoint = Text(500, required=True)
