"""The image: made of what is there, nothing more; started without a shell, as nobody in particular."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.private.process import Account, spawn
from tests.deploy.image import Instruction, ignored, instructions, last_stage, sources
from tests.platform.platform import Settings
from tests.serving import ROOT, free_port, until

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
IGNORE = ROOT / ".dockerignore"
SHELLS = ("sh", "bash", "/bin/sh", "env")


@pytest.fixture(scope="module")
def final() -> list[Instruction]:
    """The instructions of the stage that is shipped."""
    return last_stage(instructions(DOCKERFILE))


def one(found: list[Instruction], word: str) -> Instruction:
    """The only instruction of a kind."""
    (only,) = [each for each in found if each.word == word]
    return only


def environment(found: list[Instruction]) -> dict[str, str]:
    """The variables that the image sets."""
    return dict(word.split("=", 1) for word in shlex.split(one(found, "ENV").text))


def test_the_base_is_pinned_and_can_be_replaced_by_a_digest() -> None:
    """Both stages build on one argument, whose default names a version to the last number."""
    found = instructions(DOCKERFILE)

    assert found[0].word == "ARG"
    name, _, tag = found[0].text.partition("=python:")
    assert {each.words[0] for each in found if each.word == "FROM"} == {f"${{{name}}}"}
    assert len(tag.partition("-")[0].split(".")) == 3


def test_packages_come_from_the_lock_only() -> None:
    """The one install takes hashed wheels, and nothing that they ask for beyond the lock."""
    installs = [each.exec_form for each in instructions(DOCKERFILE) if each.word == "RUN" and "install" in each.text]
    (pip,) = [command for command in installs if "pip" in command]

    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"} <= set(pip)
    _, *locked = re.split(r"^(?=\w)", (ROOT / "deploy" / "requirements" / "run.txt").read_text(), flags=re.MULTILINE)
    assert len(locked) > 10
    assert [package for package in locked if "--hash=sha256:" not in package] == []


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    """Every source of a COPY is in the checkout and not ignored; secrets, tests and what we made ourselves are."""
    wanted = sources(instructions(DOCKERFILE))

    assert len(wanted) > 5
    assert [path for path in wanted if not (ROOT / path).exists()] == []
    files = [
        str(each.relative_to(ROOT))
        for path in wanted
        for each in ([ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*.py"))
    ]
    assert [path for path in files if ignored(path, IGNORE)] == []
    others = (".git/config", ".env", ".local/secret_key", "tests/conftest.py", "deploy/private/run.py", "README.md")
    ours = [f"rental_backend/{path}" for path in ("__pycache__/app.pyc", "config/README.md", "web/DECISIONS.md")]
    assert [path for path in (*others, *ours) if not ignored(path, IGNORE)] == []


def test_no_shell_stands_between_the_platform_and_the_starter(final: list[Instruction]) -> None:
    """The command, the health check and every step are in exec form, and railway.json starts the same."""
    commands = [each.exec_form for each in final if each.word in ("RUN", "CMD", "HEALTHCHECK")]

    assert len(commands) > 3
    assert [command for command in commands if command[0] in SHELLS] == []
    assert shlex.split(Settings.described().start) == one(final, "CMD").exec_form
    assert not [each for each in final if each.word == "ENTRYPOINT"]


def test_the_user_is_a_number_and_not_root(final: list[Instruction]) -> None:
    """A platform that asks can see that it is not root; only after everything was put in place."""
    user, group = one(final, "USER").text.split(":")
    after = final[final.index(one(final, "USER")) :]

    assert int(user) > 0
    assert int(group) > 0
    assert [each.word for each in after if each.word in ("RUN", "COPY", "ADD")] == []


@pytest.fixture
def image(final: list[Instruction], tmp_path: Path) -> Path:
    """A folder with what the final stage copies, and nothing else."""
    folder = tmp_path / "app"
    for each in (each for each in final if each.word == "COPY" and "--from=" not in each.text):
        *paths, target = each.words
        for path in paths:
            here = ROOT / path
            there = folder / target if here.is_dir() else folder / target / here.name
            there.parent.mkdir(parents=True, exist_ok=True)
            if here.is_dir():
                shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(here, there)
    return folder


@contextlib.contextmanager
def container(image: Path, final: list[Instruction], settings: dict[str, str], log: Path) -> Iterator[dict[str, str]]:
    """Run the command of the image within the block, as its user where we may; gives its environment."""
    journal = log.parent / "journal"
    journal.mkdir(mode=0o777)
    account = Account(10001, 10001) if os.geteuid() == 0 else Account.ours()
    os.chown(journal, account.uid, account.gid)
    programs = str(Path(sys.executable).parent)
    environ = {**environment(final), **settings, "PORT": str(free_port()), "PRESTOP_DELAY": "0"}
    environ |= {"JOURNAL_FOLDER": str(journal), "PATH": f"{programs}:/usr/bin:/bin", "WEB_CONCURRENCY": "1"}
    program, *arguments = one(final, "CMD").exec_form
    with log.open("wb") as output:
        process = spawn(
            [f"{programs}/{program}", *arguments], cwd=image, output=output, account=account, environment=environ
        )
    try:
        yield environ
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()


def test_the_image_serves_as_its_user_and_writes_nothing_to_itself(
    image: Path, final: list[Instruction], settings: dict[str, str], tmp_path: Path
) -> None:
    """What is copied is all that is needed: it starts, passes its health check, and leaves the code as it was."""
    before = sorted(image.rglob("*"))
    check = one(final, "HEALTHCHECK").exec_form

    with container(image, final, settings, tmp_path / "log") as environ:
        health = f"http://127.0.0.1:{environ['PORT']}/health/ready?strict=1"
        until(lambda: requests.get(health, timeout=5).status_code == 200, 30, f"see {tmp_path / 'log'}")
        healthy = subprocess.run(check, env=environ, capture_output=True, timeout=10, check=False)
        elsewhere = {**environ, "PORT": str(free_port())}
        unhealthy = subprocess.run(check, env=elsewhere, capture_output=True, timeout=10, check=False)

    assert healthy.returncode == 0, healthy.stderr
    assert unhealthy.returncode != 0
    assert sorted(image.rglob("*")) == before
