"""The form of an item."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests import factories


@pytest.fixture
def form(session: Session) -> dict[str, Any]:
    """The least that makes an item."""
    return {
        "item_name": "Arc lamp",
        "unit_of_measurement_id": str(factories.unit(session, name="Piece", code="PCS").id),
        "reorder_point": 2,
    }
