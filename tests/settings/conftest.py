"""Settings as they are seeded, and an application that has just looked at them."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.settings.business.seed import add_company, add_settings


@pytest.fixture(autouse=True)
def _forget(app: Flask) -> Iterator[None]:
    """Have the application read again what tests have stored around it."""
    app.extensions["services"].settings_cache.change_signal.signal()
    yield
    app.extensions["services"].settings_cache.change_signal.signal()


@pytest.fixture
def seeded(app: Flask, session: Session) -> Session:
    """The reference data of a new shop."""
    add_settings(session)
    add_company(session)
    session.commit()
    app.extensions["services"].settings_cache.change_signal.signal()
    app.extensions["services"].settings_cache.refresh()
    return session
