"""The documents: what they name is there, what they link to is there, and they are short enough to be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.house.records import FOLDERS, written
from tests.house.size_limits import VISIBLE
from tests.house.test_house import CHECKS

ROOT = Path(__file__).parents[2]
MOST_LINES, MOST_WORDS = 200, 30
LINK = re.compile(r"\]\(([^)\s#]+)[^)\s]*\)")
NAMED = re.compile(r"\b(?:rental_backend|deploy|migrations)/[\w./-]+\.(?:py|md|json|html|js|yml|txt)\b")
QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`( \(to come\))?")


def paths(text: str) -> Iterator[str]:
    """Yield what a document quotes from the top, or with `.py`, `.md` or a slash at its end, unless it is to come."""
    for path, to_come in QUOTED.findall(text):
        from_the_top = "/" in path and path.split("/")[0] in {*FOLDERS, *VISIBLE}
        if not to_come and (from_the_top or path.endswith((".py", ".md", "/"))):
            yield path


def dangling(root: Path, document: Path) -> list[str]:
    """Return what a document names and is not there: paths from the top or beside it, bare names, and its own links."""
    text, names = document.read_text(), {path.name for path in written(root)}
    links = {link for link in LINK.findall(text) if "://" not in link and not link.startswith("/")}
    gone = {f"link {link}" for link in links if not (document.parent / link).exists()}
    for path in paths(text):
        if path not in names and not any((base / path).exists() for base in (root, document.parent)):
            gone.add(path)
    return sorted(gone)


def misnamed(root: Path, program: Path) -> list[str]:
    """Return the files of the checkout that a program names in full and that are not there."""
    return sorted({path for path in NAMED.findall(program.read_text()) if not (root / path).exists()})


def documents(root: Path) -> list[Path]:
    """Return every document below a checkout."""
    return [path for path in written(root) if path.suffix == ".md"]


def test_there_are_documents() -> None:
    """Those of a package too, and those that are served."""
    names = {path.name for path in documents(ROOT)}

    assert {"README.md", "CONTRIBUTING.md", "RULES.md", "GLOSSARY.md", "OPERATIONS.md", "FIGURES.md"} <= names
    assert {"RUNBOOK.md", "DECISIONS.md", "guide.md", "operations.md"} <= names


@pytest.mark.parametrize("document", documents(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    """Every quoted path and every link of it leads somewhere, but for what is said to come."""
    assert dangling(ROOT, document) == []


def test_a_path_to_nowhere_would_be_caught(tmp_path: Path) -> None:
    """Quoted or linked, from the top or from beside it; what is to come and what is no path is not asked for."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "run").touch()
    page = tmp_path / "deploy" / "PAGE.md"
    page.write_text(
        "`deploy/run`, `PAGE.md`, `/health/ready`, `application/json`, `deploy/`, [it](../deploy/run), [top](https://a.b)\n"
        "`deploy/gone`, `web/gone.py`, `gone/`, `deploy/later.py` (to come), [gone](gone.png), [in it](#it), `no.py`\n"
    )

    assert dangling(tmp_path, page) == ["deploy/gone", "gone/", "link gone.png", "no.py", "web/gone.py"]


def test_what_a_program_names_is_there() -> None:
    """Also in comments and in what it says to people; tests name files that they make."""
    programs = [each for each in written(ROOT) if each.suffix != ".md" and ROOT / "tests" not in each.parents]

    assert len(programs) > 400
    assert {str(each.relative_to(ROOT)): gone for each in programs if (gone := misnamed(ROOT, each))} == {}


def test_a_file_that_a_program_misnames_would_be_caught(tmp_path: Path) -> None:
    """In a text and in a comment; what is no file of the checkout is not asked for."""
    program = tmp_path / "deploy" / "look.py"
    program.parent.mkdir()
    program.write_text('said = "see deploy/look.py and rental_backend/gone.py"  # as in deploy/old.yml, a/b.py\n')

    assert misnamed(tmp_path, program) == ["deploy/old.yml", "rental_backend/gone.py"]


def test_the_readme_is_read_in_one_go() -> None:
    """It has 200 lines at the most, and a place for each of its pictures."""
    text = (ROOT / "README.md").read_text()

    assert text.count("\n") <= MOST_LINES
    assert re.findall(r"<!-- (\w+): -->\n.*?<!-- until here -->", text, re.DOTALL) == ["layers", "request"]


def test_the_glossary_is_short() -> None:
    """Thirty words at the most, in the order of the alphabet, with one sentence each."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / ".github" / "GLOSSARY.md").read_text(), re.MULTILINE)[1:]
    words = [word for word, _ in rows]

    assert 20 <= len(words) <= MOST_WORDS
    assert words == sorted(words, key=str.casefold)
    assert [word for word, meaning in rows if not re.fullmatch(r"[^.]+(\.[^\s.][^.]*)*\.", meaning)] == []


def test_commits_are_checked_by_the_locked_programs() -> None:
    """The hooks are local, and run what the checks of the house run."""
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert {repository["repo"] for repository in repositories} == {"local"}
    assert [hook["name"] for hook in hooks] == [*CHECKS]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {Path(hook["entry"].split()[0]).parent for hook in hooks} == {Path(".local/test/venv/bin")}
    for hook, command in zip(hooks, CHECKS.values(), strict=True):
        assert Path(hook["entry"].split()[0]).name == Path(command[0]).name


def layers(text: str, begins: str, ends: str) -> list[list[str]]:
    """Return the names in the first columns of the lines between two marks, from the top; ` | ` parts equals."""
    block = text.partition(begins)[2].partition(ends)[0]
    lines = (re.match(r"\s+([a-z_]+(?: \| [a-z_]+)*)", line) for line in block.splitlines())
    return [sorted(line[1].split(" | ")) for line in lines if line]


def test_readme_draws_the_layers_that_imports_are_held_to() -> None:
    """Name for name and in the same order as the first contract of `setup.cfg`."""
    held = (ROOT / "setup.cfg").read_text().partition("[importlinter:contract:layers]")[2]

    found = layers((ROOT / "README.md").read_text(), "<!-- layers: -->", "<!-- until here -->")

    assert len(found) > 10
    assert found == layers(held, "layers =", "[importlinter:")


def test_another_layer_would_be_noticed() -> None:
    """A name more, and two that change places, are seen."""
    assert layers("X\n    b | a  why\n    c\nY", "X", "Y") == [["a", "b"], ["c"]]
    assert layers("X\n    c\n    b\nY", "X", "Y") != layers("X\n    b\n    c\nY", "X", "Y")
