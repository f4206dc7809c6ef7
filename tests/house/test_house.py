"""The rules of the house that a machine can check, each with a proof that it would be caught."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.size_limits import LONGEST_FILE, LONGEST_FUNCTION, UNSPLIT, VISIBLE, misplaced, too_long

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SETTINGS = (".ruff.toml", "setup.cfg")
SMALL = ("rental_backend", "deploy", "deploy/private")  # packages that settings name, without what is in them
CHECKS: dict[str, list[str | Path]] = {
    "ruff check": [BIN / "ruff", "check", "--no-cache", "."],
    "ruff format": [BIN / "ruff", "format", "--check", "--no-cache", "."],
    "mypy": [BIN / "mypy"],
    "import-linter": [BIN / "lint-imports"],
}
OFFENCES = {
    "ruff check": ("rental_backend/bad.py", '"""Bad."""\n\nimport os\n', "F401"),
    "ruff format": ("rental_backend/bad.py", '"""Bad."""\n\nx = {  "a":1 }\n', "bad.py"),
    "mypy": ("rental_backend/bad.py", '"""Bad."""\n\n\ndef f(x):\n    """F."""\n    return x\n', "bad.py"),
    "import-linter": (
        "rental_backend/web/bad.py",
        '"""Bad."""\n\nfrom ..parties import service\n\n__all__ = ["service"]\n',
        "app over cli over domains over web over infra over resilience over errors",
    ),
}


def _run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_the_house_passes(command: list[str | Path]) -> None:
    """Lint, format, types and layers are right in the whole checkout."""
    done = _run(command, ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CHECKS)
def test_an_offence_would_be_caught(tmp_path: Path, name: str) -> None:
    """Each check passes on a copy of the checkout, and fails on one offence more, which it names."""
    path, text, said = OFFENCES[name]
    parts = ["rental_backend"] if name == "import-linter" else [f"{part}/__init__.py" for part in SMALL]
    for part in (*parts, *SETTINGS):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    assert _run(CHECKS[name], tmp_path).returncode == 0
    (tmp_path / path).write_text(text)

    done = _run(CHECKS[name], tmp_path)

    assert done.returncode != 0
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["rental_backend", "deploy"])
def test_nothing_is_longer_than_the_walls(folder: str) -> None:
    """No function has more than 40 lines, no file more than 250; both folders hold files to be measured."""
    assert any((ROOT / folder).rglob("*.py"))
    found = [line.removeprefix(f"{ROOT}/") for line in too_long(ROOT / folder)]
    unsplit = {path for path in UNSPLIT if path.startswith(f"{folder}/")}
    files = {line.partition(":")[0] for line in found if " has " not in line}
    assert [line for line in found if " has " in line or line.partition(":")[0] not in unsplit] == []
    assert unsplit <= files


def test_what_is_too_long_would_be_caught(tmp_path: Path) -> None:
    """One line above either wall is named; one below is not."""

    def function(name: str, lines: int) -> str:
        return f"def {name}():\n" + "    x = 1\n" * (lines - 1)

    (tmp_path / "functions.py").write_text(
        function("right", LONGEST_FUNCTION) + function("wrong", LONGEST_FUNCTION + 1)
    )
    (tmp_path / "methods.py").write_text("class C:\n    async def m(self):\n" + "        x = 1\n" * LONGEST_FUNCTION)
    (tmp_path / "full.py").write_text("x = 1\n" * LONGEST_FILE)
    (tmp_path / "over.py").write_text("x = 1\n" * (LONGEST_FILE + 1))

    found = [line.removeprefix(f"{tmp_path}/") for line in too_long(tmp_path)]

    assert found == ["functions.py: wrong has 41 lines", "methods.py: m has 41 lines", "over.py: 251 lines"]


def test_the_top_level_is_as_it_was_laid_out() -> None:
    """Nothing visible stands at the top but what belongs there, and all of that does."""
    assert misplaced(ROOT) == set()


def test_something_misplaced_would_be_caught(tmp_path: Path) -> None:
    """A stray file is named, a missing one too; hidden files and caches do not count."""
    for name in (*VISIBLE - {"README.md"}, "utils.py", ".hidden", "__pycache__"):
        (tmp_path / name).touch()

    assert misplaced(tmp_path) == {"utils.py", "README.md"}


def _silenced(folder: Path) -> list[str]:
    """Return the tests below a folder that are skipped, expected to fail, mocked or put to sleep."""
    words = {"skip", "skipif", "xfail", "importorskip", "sleep", "Mock", "MagicMock"}
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.attr] if isinstance(node, ast.Attribute) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name in words]
    return found


def test_no_test_is_silenced(tmp_path: Path) -> None:
    """No test skips, sleeps or mocks; one that did would be named."""
    (tmp_path / "test_bad.py").write_text(
        "from unittest.mock import Mock\n@pytest.mark.skip\ndef test_it():\n    time.sleep(1)\n"
    )

    assert sorted(_silenced(tmp_path)) == ["test_bad.py: Mock", "test_bad.py: skip", "test_bad.py: sleep"]
    assert _silenced(ROOT / "tests") == []


def test_every_test_says_what_it_proves() -> None:
    """Each test has a docstring of its own, so that a failure can be read."""
    mute = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert mute == []
