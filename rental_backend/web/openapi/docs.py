"""The documentation: the OpenAPI document, a page to try its operations, and two guides. It needs no dependency.

The page is Swagger UI (Apache-2.0) from the package flask-swagger-ui (MIT); nothing is fetched from other hosts.
"""

import re
from functools import lru_cache
from itertools import pairwise

from flask import Blueprint, current_app, request
from markupsafe import Markup

from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from ..endpoint.replies import Reply
from ..templates.render import HERE, HTML, NAVIGATION, SECURE, fixed, render
from .document import Documentation

bp = Blueprint("docs", __name__)
GUIDES = HERE / "guides"


@bp.get("/openapi.json")
@endpoint(needs=NOTHING, permission=PUBLIC)
def document() -> Reply:
    """Return the OpenAPI document. It holds every operation with its inputs, answers and needs."""
    documentation: Documentation = current_app.extensions["documentation"]
    made = documentation.document()
    headers = {**SECURE, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.accept_encodings.quality("gzip"):
        return Reply(made.compressed, 200, {**headers, "Content-Encoding": "gzip", "ETag": made.compressed_etag})
    return Reply(made.body, 200, {**headers, "ETag": made.etag})


@bp.get("/docs")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def page() -> Reply:
    """Show the API page. Operations can be tried there."""
    return fixed(_front())


@bp.get("/docs/guide")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def guide() -> Reply:
    """Show the guide for API clients."""
    return fixed(_guide("guide"))


@bp.get("/docs/operations")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def operations() -> Reply:
    """Show the guide for operators."""
    return fixed(_guide("operations"))


@lru_cache(maxsize=1)
def _front() -> bytes:
    return render("docs.html", path="/docs", title="API")


@lru_cache(maxsize=2)
def _guide(name: str) -> bytes:
    """Return a guide as a page; no HTML that stands in it is taken for such."""
    from markdown_it import MarkdownIt  # for two pages that few ask for; every start would pay for it

    text = (GUIDES / f"{name}.md").read_text("utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
    article = Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - our own
    path = f"/docs/{name}"
    return render("guide.html", path=path, title=NAVIGATION[path], article=article)


def anchor(heading: str) -> str:
    """Return the name by which an address leads to a heading of a guide: `/docs/operations#breakeropen`."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
