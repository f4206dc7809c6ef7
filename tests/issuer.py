"""A little issuer of tokens in this process: real keys over HTTP, that can be changed, frozen and refused."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "the shop"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KINDS = {"RS256": RSAAlgorithm, "PS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
KEYS: dict[str, Any] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}


def public(algorithm: str, name: str, key: Any = None, **more: Any) -> dict[str, Any]:
    """Return the public half of a key as an issuer publishes it."""
    half = (key or KEYS[algorithm]).public_key()
    return {**json.loads(KINDS[algorithm].to_jwk(half)), "kid": name, "use": "sig", "alg": algorithm, **more}


class Issuer:
    """The issuer. `keys` is what it publishes; `asked` counts the fetches, `most` those at once."""

    def __init__(self) -> None:
        self.keys: Any = {"keys": [public("RS256", "first")]}
        self.status = 200
        self.asked = self.now = self.most = 0
        self.going_on = threading.Event()
        self.going_on.set()
        self._lock = threading.Lock()
        self.port = 0
        self.start()

    @property
    def name(self) -> str:
        """What its tokens say of who issued them."""
        return "https://issuer.example/shop"

    def environ(self, **more: str) -> dict[str, str]:
        """The settings that trust it."""
        url = f"http://127.0.0.1:{self.port}/keys?format=jwks"
        return {"OIDC_ISSUER": self.name, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": url, **more}

    def token(self, name: str = "first", algorithm: str = "RS256", key: Any = None, **said: Any) -> str:
        """Return a token that says what is said; what is said to be None is left out."""
        now = int(time.time())
        usual = {"iss": self.name, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, "jti": uuid.uuid4().hex}
        claims = {claim: value for claim, value in {**usual, **said}.items() if value is not None}
        return jwt.encode(claims, key or KEYS[algorithm], algorithm=algorithm, headers={"kid": name})

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), partial(_Answer, self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a fetch."""
        with self._lock:
            self.asked, self.now = self.asked + 1, self.now + 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self._lock:
                self.now -= 1


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, issuer: Issuer, *args: Any) -> None:
        self.issuer = issuer
        super().__init__(*args)

    def do_GET(self) -> None:
        with self.issuer.counted():
            self.issuer.going_on.wait(20)
            body = self.issuer.keys if isinstance(self.issuer.keys, bytes) else json.dumps(self.issuer.keys).encode()
            self.send_response(self.issuer.status)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
