"""The look that all pages share, and their security policy. Nothing in them is inline or comes from another host.

A page is a template of the folder `pages` that extends `layout.html`; every value in it is escaped. Its scripts and
styles are in the same folder. Browsers keep them for ever, because their path names their release.
"""

import gzip
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ... import __version__
from ...errors import NotFound
from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from ..endpoint.replies import Reply, entity_tag

bp = Blueprint("pages", __name__, url_prefix="/assets")
HERE = Path(__file__).parent
HTML = "text/html"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}
# D94: accessibility is mended from outside.
OURS = tuple(sorted(path.name for path in HERE.iterdir() if path.suffix in TYPES))
# D76: only the files of the package are used.
THEIRS = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")  # of the package flask-swagger-ui
NAVIGATION = {
    "/status": "Status",
    "/health/breakers": "Breakers",
    "/docs": "API",
    "/docs/guide": "Guide for API clients",
    "/docs/operations": "Guide for operators",
    "/openapi.json": "openapi.json",
}
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

templates = Environment(
    loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@bp.get("/<release>/<name>")
@endpoint(needs=NOTHING, permission=PUBLIC, media=("text/javascript", "text/css", "image/png"))
def asset(release: str, name: str) -> Reply:
    """Return a file of the pages. The file never changes under its path, which names the release."""
    if release != _release() or name not in (*OURS, *THEIRS):
        raise NotFound("There is no such file.")
    kind = {"Content-Type": TYPES[Path(name).suffix], "Cache-Control": UNCHANGING, "Vary": "Accept-Encoding"}
    if request.accept_encodings.quality("gzip"):
        body = _compressed(name)
        return Reply(body, 200, {**SECURE, **kind, "Content-Encoding": "gzip", "ETag": entity_tag(body)})
    body = _file(name)
    return Reply(body, 200, {**SECURE, **kind, "ETag": entity_tag(body)})


def render(template: str, *, path: str, title: str, **values: object) -> bytes:
    """Return a page: the template of that name with these values. `path` is that of the page, for the navigation."""
    shared = {"path": path, "title": title, "version": __version__, "navigation": NAVIGATION, "asset": _address}
    return templates.get_template(template).render(**shared, **values).encode()


def fixed(body: bytes) -> Reply:
    """Answer with a page that changes with the release only."""
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "ETag": entity_tag(body)}
    return Reply(body, 200, {**SECURE, **headers})


def of_the_moment(body: bytes) -> Reply:
    """Answer with a page that is true at this moment only, and nowhere kept."""
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    return Reply(body, 200, {**SECURE, **headers})


def _address(name: str) -> str:
    """Return the path of a file of the pages."""
    return f"/assets/{_release()}/{name}"


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
