"""The documentation people read: the OpenAPI document, a page to try it out, and two guides. None of it needs anything.

The page is Swagger UI (Apache-2.0) as the package flask-swagger-ui (MIT) brings it; nothing is fetched from elsewhere.
"""

import gzip
import re
from functools import lru_cache
from hashlib import blake2b
from html import escape
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from flask import Blueprint, current_app, request
from markdown_it import MarkdownIt

from .. import __version__
from ..errors import NotFound
from .conditional import tag
from .contracts import endpoint
from .needs import NOTHING, PUBLIC
from .openapi import Documentation
from .replies import Reply

bp = Blueprint("docs", __name__)
HERE = Path(__file__).parent / "guides"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}
OURS = ("docs.js", "docs.css")
THEIRS = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
HTML = "text/html"
GUIDES = {"guide": "For who calls it", "operations": "For who runs it"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
UNCHANGING = "public, max-age=31536000, immutable"


@bp.get("/openapi.json")
@endpoint(needs=NOTHING, permission=PUBLIC)
def document() -> Reply:
    """Return this document: every operation, with what it takes, answers and needs."""
    documentation: Documentation = current_app.extensions["documentation"]
    made = documentation.document()
    headers = {**SECURE, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.accept_encodings.quality("gzip"):
        return Reply(made.compressed, 200, {**headers, "Content-Encoding": "gzip", "ETag": made.compressed_etag})
    return Reply(made.body, 200, {**headers, "ETag": made.etag})


@bp.get("/docs")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def page() -> Reply:
    """Show the operations, to be tried out."""
    return _page(_front())


@bp.get("/docs/guide")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def guide() -> Reply:
    """Show the guide for who calls the service."""
    return _page(_guide("guide"))


@bp.get("/docs/operations")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def operations() -> Reply:
    """Show the guide for who runs the service."""
    return _page(_guide("operations"))


@bp.get("/docs/assets/<release>/<name>")
@endpoint(needs=NOTHING, permission=PUBLIC, media=("text/javascript", "text/css", "image/png"))
def asset(release: str, name: str) -> Reply:
    """Return a file of the page. It is the same for ever under its path, which names the release."""
    if release != _release() or name not in (*OURS, *THEIRS):
        raise NotFound("There is no such file.")
    kind = {"Content-Type": TYPES[Path(name).suffix], "Cache-Control": UNCHANGING, "Vary": "Accept-Encoding"}
    if request.accept_encodings.quality("gzip"):
        body = _compressed(name)
        return Reply(body, 200, {**SECURE, **kind, "Content-Encoding": "gzip", "ETag": tag(body)})
    body = _file(name)
    return Reply(body, 200, {**SECURE, **kind, "ETag": tag(body)})


def _page(body: bytes) -> Reply:
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "ETag": tag(body)}
    return Reply(body, 200, {**SECURE, **headers})


@lru_cache(maxsize=len(OURS) + len(THEIRS))
def _file(name: str) -> bytes:
    folder = HERE if name in OURS else files("flask_swagger_ui") / "dist"
    return (folder / name).read_bytes()


@lru_cache(maxsize=len(OURS) + len(THEIRS))
def _compressed(name: str) -> bytes:
    return gzip.compress(_file(name), compresslevel=6, mtime=0)


@lru_cache(maxsize=1)
def _release() -> str:
    """Return the release of the files: that of Swagger UI, and a digest of ours."""
    ours = blake2b(b"".join(map(_file, OURS)), digest_size=4).hexdigest()
    return f"{version('flask-swagger-ui')}-{ours}"


@lru_cache(maxsize=1)
def _front() -> bytes:
    return _layout("API", (HERE / "docs.html").read_text("utf-8"), scripts=("swagger-ui-bundle.js", "docs.js"))


@lru_cache(maxsize=len(GUIDES))
def _guide(name: str) -> bytes:
    """Return a guide as a page; no HTML that stands in it is taken for such."""
    text = (HERE / f"{name}.md").read_text("utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
    article = markdown.renderer.render(tokens, markdown.options, {})
    return _layout(GUIDES[name], f"<article>{article}</article>")


def anchor(heading: str) -> str:
    """Return the name by which an address leads to a heading of a guide: `/docs/operations#breakeropen`."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def _layout(title: str, content: str, *, scripts: tuple[str, ...] = ()) -> bytes:
    files_at = f"/docs/assets/{_release()}"
    links = {
        "/docs": "API",
        **{f"/docs/{name}": said for name, said in GUIDES.items()},
        "/openapi.json": "openapi.json",
    }
    menu = "".join(f'<a href="{path}">{escape(said)}</a> ' for path, said in links.items())
    style = "".join(
        f'<link rel="stylesheet" href="{files_at}/{name}">'
        for name in ((*(("swagger-ui.css",) if scripts else ()), "docs.css"))
    )
    loaded = "".join(f'<script src="{files_at}/{name}" defer></script>' for name in scripts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)} - rental_backend {__version__}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" type="image/png" href="{files_at}/favicon-32x32.png">{style}{loaded}</head>'
        f'<body><nav aria-label="Documentation">{menu}</nav><main>{content}</main></body></html>'
    ).encode()
