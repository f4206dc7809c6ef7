"""`deploy/dev` serves like `deploy/run`, and what was changed is served a moment later."""

import signal
from functools import partial

import pytest
import requests

from .launching import Checkout, Running, eventually, program, setting

pytestmark = pytest.mark.long


def _version(run: Running) -> str:
    try:
        return str(requests.get(f"{run.url}/openapi.json", timeout=5).json()["info"]["version"])
    except (requests.RequestException, ValueError):
        return "none"


@pytest.mark.full
def test_what_is_changed_is_served_and_a_mistake_waits_for_its_mend(checkout: Checkout) -> None:
    """A change is there without a restart by hand, a syntax error ends nothing, Ctrl-C ends every process."""
    about = checkout.folder / "rental_backend" / "__init__.py"
    right = about.read_text()
    with checkout.running("dev") as run:
        web = run.processes("gunicorn")[0]
        assert (setting(web, "LOG_LEVEL"), setting(web, "ENVIRONMENT")) == ("DEBUG", "development")
        eventually(run.healthy)
        assert _version(run) == "0.1.0"

        about.write_text(right.replace("0.1.0", "0.2.0"))
        eventually(lambda: _version(run) == "0.2.0")
        assert run.said("rental_backend/__init__.py changed, starting gunicorn again")

        about.write_text(right + "def\n")
        eventually(partial(run.said, "a change of a file starts it again"))
        assert _version(run) == "none"
        about.write_text(right)
        eventually(lambda: _version(run) == "0.1.0")
        eventually(run.healthy)

        pids = run.processes()
        assert run.stop(signal.SIGINT) == 0
        assert not any(program(pid) for pid in pids)
