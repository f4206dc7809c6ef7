"""The adapter of Redis: the only importer of its driver."""

import sys
from typing import Any, cast

# redis-py imports OpenTelemetry where it is installed: 2 MB in every worker, and a tenth of a second of every start,
# for metrics that nobody reads. pybreaker imports it, too, so this comes first in `infra`.
if "opentelemetry" not in sys.modules:
    cast("dict[str, Any]", sys.modules)["opentelemetry"] = None
    import redis  # noqa: F401

    del sys.modules["opentelemetry"]
