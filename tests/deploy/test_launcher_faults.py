"""What keeps `deploy/run` from serving is told in one line, before anything is started."""

import ctypes
import hashlib
import socket
import zipfile
from pathlib import Path

import pytest

from .launching import Checkout

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def complaint(checkout: Checkout, **options: object) -> str:
    """The one line on stderr of a run that fails and leaves no server's folder behind."""
    done = checkout.run("deploy/run", **options)  # type: ignore[arg-type]
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (checkout.folder / ".local" / "postgres").exists()
    return done.stderr


@pytest.mark.parametrize("host", ["", "127.0.0.1"])
def test_a_busy_port(checkout: Checkout, host: str) -> None:
    """The port is named, whichever address it is taken on."""
    with socket.create_server((host, checkout.port)):
        assert f"port {checkout.port}: Address already in use" in complaint(checkout)


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none(checkout: Checkout, port: str) -> None:
    """A PORT that is no port is shown."""
    checkout.environ["PORT"] = port
    assert f"PORT must be a number from 1 to 65535, not '{port}'" in complaint(checkout)


def _without_override() -> None:
    """Let the modes of files bind root too, as they bind everybody else."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_a_folder_that_cannot_be_written(bare: Checkout) -> None:
    """A checkout we may only read is named."""
    bare.folder.chmod(0o555)
    assert f"{bare.folder}/.local: Permission denied" in complaint(bare, before=_without_override)


def test_a_file_in_the_place_of_our_folder(bare: Checkout) -> None:
    """A file that is in the way is named."""
    (bare.folder / ".local").write_text("")
    assert ".local" in complaint(bare)


def test_no_interpreter(bare: Checkout, tmp_path: Path) -> None:
    """Without a Python that runs, what is needed is told; a command of that name that fails is none."""
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    bare.environ = {"PATH": str(tmp_path)}
    assert "needs Python 3.11 or newer" in complaint(bare)


def _wheel(folder: Path, content: bytes | None = None) -> str:
    """Put a small wheel of the package `toy` into the folder, and return its hash."""
    path = folder / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("toy.py", "")
        wheel.writestr("toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
        wheel.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("toy-1.0.dist-info/RECORD", "")
    if content is not None:
        path.write_bytes(content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "fault", [pytest.param(each, marks=pytest.mark.full) for each in ("another hash", "a broken wheel", "no wheel")]
)
def test_packages_that_cannot_be_installed(bare: Checkout, tmp_path: Path, fault: str) -> None:
    """The package is named, and its half-made environment is not taken for a good one the next time."""
    name, digest = "toy", _wheel(tmp_path, b"no wheel" if fault == "a broken wheel" else None)
    if fault == "another hash":
        digest = "0" * 64
    if fault == "no wheel":
        name = "absent-toy"
    (bare.folder / "deploy" / "requirements" / "run.txt").write_text(f"{name}==1.0 --hash=sha256:{digest}\n")
    bare.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    first = complaint(bare)
    assert f"{name}" in first
    assert str(bare.folder / ".local" / "log" / "install.log") in first
    if fault == "another hash":
        assert complaint(bare) == first
