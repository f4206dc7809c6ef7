"""The application, which is imported when somebody opens the gate, and tells each client its address.

GATE is a FIFO: reading it takes as long as nobody has opened it to write.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Path(os.environ["GATE"]).read_bytes()

from wsgi import app  # noqa: E402

_inner = app.wsgi_app


def _telling(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        client = ("X-Client", f"{environ['REMOTE_ADDR']} {environ['REMOTE_PORT']}")
        return start_response(status, [*headers, client], exc_info)

    return _inner(environ, start)


app.wsgi_app = _telling  # type: ignore[method-assign]
