"""Where a database is: what its URL says, which addresses its name has, and why nothing answers there."""

import ipaddress
import re
import socket
from typing import Any

import psycopg
from psycopg import conninfo

from ...config import UrlError, read_postgres

# libpq repeats parts of the URL, and so of a wrongly quoted password: only these words are shown.
SIGNS = {
    "Connection refused": "connection refused",
    "resolve host": "its host name is not known",
    "translate host": "its host name is not known",
    "no password supplied": "it asks for a password",
    "SSL": "no encrypted connection",
    "No such file": "there is no server at its socket",
    "closed the connection": "it hung up",
}


class Unreadable(psycopg.ProgrammingError):
    """A URL that cannot be used; the message, if there is one, contains no value of it."""


# D8: names are resolved by probes only.
class Address:
    """The server's address. Only `resolve` resolves names, so that a hung resolver blocks no request."""

    def __init__(self, url: str) -> None:
        self._params = parameters(url)
        self._resolved: dict[str, str] = {}

    def resolve(self) -> bool:
        """Resolve the host name, remember its addresses, and tell whether none of them is one of before.

        May block as long as the resolver does.
        Once they are known, a failing resolver does no harm: they remain until it answers again.
        """
        host, port = str(self._params.get("host") or ""), str(self._params.get("port") or 5432)
        if not host or "," in host or host.startswith(("/", "@")) or _numeric(host):
            return False
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            if self._resolved:
                return False
            raise
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        before = str(self._resolved.get("hostaddr") or "").split(",")
        self._resolved = {
            "host": ",".join([host] * len(addresses)),
            "hostaddr": ",".join(addresses),
            "port": ",".join([port] * len(addresses)),
        }
        return before != [""] and not {*before} & {*addresses}

    def conninfo(self, options: str, application: str) -> str:
        """Return libpq's connection string with our session settings and keepalives."""
        given: dict[str, Any] = {**self._params, **self._resolved}
        given["options"] = f"{given.get('options') or ''} {options}".strip() or None
        defaults: dict[str, Any] = {
            "application_name": application,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        return conninfo.make_conninfo("", **{**defaults, **{k: v for k, v in given.items() if v is not None}})


def parameters(url: str) -> dict[str, Any]:
    """Return what libpq reads in a URL. Raises `Unreadable`."""
    try:
        return dict(conninfo.conninfo_to_dict(read_postgres(url, writes=False).url))
    except UrlError as error:
        raise Unreadable(str(error)) from None
    except psycopg.ProgrammingError:
        raise Unreadable from None


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def reason(error: psycopg.Error) -> str:
    """Return why there is no connection, without the connection string."""
    text = str(error)
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "it does not answer"
    if isinstance(error, psycopg.ProgrammingError):
        why = f": {text.rstrip('.')}" if text and isinstance(error, Unreadable) else ""
        return f"its URL cannot be read{why}"
    if match := re.search(r"FATAL:\s+(.+)", text):
        return match[1]
    return next((reason for sign, reason in SIGNS.items() if sign in text), "the connection failed")
