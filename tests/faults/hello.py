"""The least that Flask serves, for comparison."""

from flask import Flask

app = Flask("hello")


@app.get("/health")
def health() -> dict[str, str]:
    """Say so."""
    return {"status": "healthy"}
