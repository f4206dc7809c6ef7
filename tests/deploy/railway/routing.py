"""A router that runs: Caddy with our Caddyfile."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.serving import free_port, until

CADDY = Path(sys.executable).with_name("caddy")
CADDYFILE = Path(__file__).parents[3] / "deploy" / "router" / "Caddyfile"


@contextmanager
def routing(environ: dict[str, str], folder: Path) -> Iterator[str]:
    """The address of a router with these variables, once it answers."""
    with running(environ, folder) as (url, _):
        yield url


@contextmanager
def running(environ: dict[str, str], folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, with its process."""
    port = free_port()
    command = [CADDY, "run", "--config", CADDYFILE, "--adapter", "caddyfile"]
    with (folder / "router.log").open("wb") as log:
        process = subprocess.Popen(command, env={"HOME": str(folder), "PORT": str(port), **environ}, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: requests.get(f"{url}/router/health", timeout=5).ok, 20)
        yield url, process
    finally:
        process.kill()
        process.wait()
