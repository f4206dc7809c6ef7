"""What gunicorn and flask serve: `gunicorn wsgi:app`."""

import sys

from rental_backend.app import create_app
from rental_backend.config import ConfigError

try:
    app = create_app()
except ConfigError as error:
    sys.exit(str(error))
