"""What gunicorn and flask serve: `gunicorn wsgi:app`."""

import gc
import sys

gc.disable()  # there is no garbage yet, and looking for it is a fifth of the start

import rental_backend.infra.redis  # noqa: E402, F401 - first: see there
from rental_backend.app import create_app  # noqa: E402
from rental_backend.config import ConfigError  # noqa: E402
from rental_backend.tracebacks import watch  # noqa: E402

watch()

try:
    app = create_app()
except ConfigError as error:
    sys.exit(str(error))

gc.enable()
gc.freeze()  # what is here stays; workers neither look through it nor copy its pages for that
