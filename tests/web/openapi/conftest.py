"""The shop that is asked by the document."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from .asking import Run
from .conformance import Documented
from .stage import sign_in, stage


@pytest.fixture
def run(build: Callable[..., Flask], session: Session, tmp_path: Path) -> Run:
    """An application of its own."""
    app = build(JOURNAL_FOLDER=str(tmp_path), LOG_LEVEL="ERROR")
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    documented = Documented(app.test_client().get("/openapi.json").get_json())
    return Run(stage(app, session), documented, lambda: sign_in(app, session))
