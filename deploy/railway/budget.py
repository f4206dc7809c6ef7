"""How many connections our own slots are given, and the count of them, which the program's own doctor makes, too."""

import json

from deploy.railway import checkout
from rental_backend.doctor.budget import ConnectionBudget

__all__ = ["ConnectionBudget", "shipped"]


# D77: two replicas of one worker.
def shipped() -> dict[str, str]:
    """Return the variables by which our own slots are kept small: `.railway/railway.py` sets the same."""
    said: dict[str, str] = json.loads(checkout.file("deploy/slot.json").read_text())
    return said
