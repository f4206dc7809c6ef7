"""What is logged before `logs.configure`, which is imported with the application: the same lines, by little code."""

import json
import logging
from datetime import UTC, datetime

from ...tracebacks import Wordless, describe


class JsonFormatter(logging.Formatter):
    """One JSON object a line, as `logs` writes them."""

    _wordless = Wordless()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        self._wordless.filter(record)
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
