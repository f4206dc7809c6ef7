"""Functions say what they take; the rule with a proof."""

from pathlib import Path

from tests.house.parameters import MOST, parameters

ROOT = Path(__file__).parents[2]


def test_few_parameters_are_left_open() -> None:
    """Of all parameters of the package only so many have a type that is `Any` or holds it."""
    found = parameters(ROOT / "rental_backend")
    left_open = [f"{parameter.place}({parameter.name})" for parameter in found if parameter.open]

    assert len(found) > 2500
    assert len(left_open) / len(found) <= MOST, "\n".join([f"{len(left_open)} of {len(found)}:", *left_open])


def test_an_open_parameter_would_be_counted(tmp_path: Path) -> None:
    """`Any` counts within another type, in quotes, under another name, and as `*args` and `**kwargs`."""
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "names.py").write_text("Fields = dict[str, Any]\nMore = list[Fields]\n")
    (tmp_path / "fleet" / "service.py").write_text(
        "from .names import More\n\n\n"
        "def closed(one: int, /, two: dict[str, object], *three: 'list[int]', four=1) -> Any: ...\n\n\n"
        "class Vehicle:\n"
        "    def left_open(self, one: typing.Any, two: 'list[Any]', *three: Any, four: More, **five: Any): ...\n"
    )

    found = parameters(tmp_path / "fleet")

    assert [parameter.name for parameter in found if not parameter.open] == ["one", "two", "four", "three"]
    assert [(parameter.place, parameter.name) for parameter in found if parameter.open] == [
        ("fleet/service.py:8 left_open", name) for name in ("one", "two", "four", "three", "five")
    ]
