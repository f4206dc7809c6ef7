"""The search for secrets finds them, wherever they are told, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.scanner import SCANNER

ROOT = Path(__file__).parent.parent
CONFTEST = """
import os
import pytest
from flask import Flask, Response
from rental_backend.config import Config
from tests.scanner import Scanner, watch

SCANNER = Scanner()
watch(SCANNER)

def pytest_configure(config):
    config.pluginmanager.register(SCANNER)

@pytest.fixture
def config():
    return Config.from_environ({
        "ENVIRONMENT": "test", "SECRET_KEY": "the key that signs tokens in this run",
        "DATABASE_URL": "postgresql://rental:a-word-that-is-hidden@127.0.0.1:1/rental",
    })

@pytest.fixture
def client():
    app = Flask("leaky")

    @app.post("/echo/<int:status>")
    def echo(status):
        from flask import request
        return Response(request.get_data(), status)

    return app.test_client()
"""
LEAKS = {  # what is done, and the place that is named for it
    "print('signing with', config.secret_key)": "test_0 (Captured stdout call): a secret",
    "os.write(2, config.secret_key.encode())": "test_1 (Captured stderr call): a secret",
    "print('as', config.database_url.split('@')[0][-21:])": "test_2 (Captured stdout call): a secret",
    "logging.warning(config.database_url)": "test_3 (Captured log call): a URL with a password",
    "print('$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$aGFzaA')": "test_4 (Captured stdout call): a hash",
    "print('$2b$12$abcdefghijklmnopqrstuv')": "test_5 (Captured stdout call): a hash",
    "client.post('/echo/422', json={'password': 'what somebody typed'})": "POST /echo/422: a secret",
    "client.post('/echo/401', data='eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc')": "POST /echo/401: a token",
    "client.post('/echo/201', json={'token': 'R3s3t-t0k3n-x'}); print('R3s3t-t0k3n-x')": "test_8 (Captured stdout",
    "(tmp_path / 'log').write_text(config.secret_key); SCANNER.search_file(tmp_path / 'log')": "/log: a secret",
}


def _run(folder: Path, *lines: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a test of each line, under a scanner of their own."""
    tests = (f"def test_{number}(config, client, tmp_path):\n    {line}\n" for number, line in enumerate(lines))
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_leaky.py").write_text("\n".join(["import logging, os", "from conftest import SCANNER", *tests]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]
    environ = {"PYTHONPATH": f"{ROOT}:{folder}", "PATH": ""}
    return subprocess.run(
        [*command, *arguments, str(folder)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_way_to_tell_a_secret_fails_the_run(tmp_path: Path) -> None:
    """Though all its tests pass; each place is named, and no secret."""
    done = _run(tmp_path, *LEAKS)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert f"{len(LEAKS)} passed" in done.stdout
    told = done.stdout.partition("secrets told")[2]
    assert [place for place in LEAKS.values() if place not in told] == []
    assert not any(secret in done.stdout for secret in ("the key that", "a-word-that-is-hidden", "R3s3t", "argon2"))


@pytest.mark.full
def test_a_run_that_tells_nothing_passes(tmp_path: Path) -> None:
    """What is said to whoever may see it is no leak."""
    said = ("print(config)", "client.post('/echo/200', json={'access_token': 'eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0'})")

    done = _run(tmp_path, *said, "client.post('/echo/404', json={'username': 'what somebody has typed'})")

    assert done.returncode == 0, done.stdout + done.stderr


SHOWN = (  # what assertions compare, and pytest shows when they are wrong
    "assert config.secret_key == 'another key'",
    "assert {'access_token': 'eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln'} == {}",
    "assert client.post('/echo/200', json={'password': 'what somebody typed'}).text == ''",
    "raise AssertionError('$2b$12$abcdefghijklmnopqrstuv of ' + config.database_url)",
)


def test_no_failure_shows_a_secret(tmp_path: Path) -> None:
    """An assertion that fails says what it compared, without the tokens, keys, hashes and passwords in it."""
    done = _run(tmp_path, *SHOWN, arguments=("-n", "1", "--showlocals"))

    assert f"{len(SHOWN)} failed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("[hidden]") >= len(SHOWN)
    said = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("> "))  # but for the tests' own
    for secret in ("the key that", "eyJ", "what somebody", "$2b$", "a-word-that-is-hidden"):
        assert secret not in said, said


def test_this_run_is_searched(request: pytest.FixtureRequest, client: FlaskClient) -> None:
    """The scanner of the whole run hears of every test, sees refusals, and knows what to look for."""
    assert request.config.pluginmanager.get_plugin("secrets") is SCANNER
    before = SCANNER.searched
    assert client.post("/api/auth/login", json={"password": "a password of this test"}).status_code == 422
    assert SCANNER.searched == before + 1
    assert {factories.PASSWORD, "a password of this test"} <= SCANNER._known
