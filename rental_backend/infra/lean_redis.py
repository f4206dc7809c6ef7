"""redis-py without OpenTelemetry, which it imports where that is installed: 2 MB of every worker, and a tenth of a
second of every start, for figures that nobody asks it for. To be imported first: pybreaker, too, imports redis.
"""

import sys
from typing import Any, cast

if "opentelemetry" not in sys.modules:
    cast("dict[str, Any]", sys.modules)["opentelemetry"] = None
    import redis  # noqa: F401

    del sys.modules["opentelemetry"]
