"""How the URLs of PostgreSQL and Redis are read: once, here, for all that connects.

What the drivers would refuse, or would silently not take, is refused with the name of the parameter. What other
programs write into such URLs is translated, or left out by name. Messages contain no value: it may be a password.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_plus, urlsplit

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
NUMBER = re.compile(r"-?\d{1,9}")
FLAG = re.compile(r"true|false|yes|no|1|0", re.IGNORECASE)
TEXT = re.compile(r".*", re.DOTALL)

Taken = Mapping[str, re.Pattern[str]]


def _one_of(*values: str) -> re.Pattern[str]:
    return re.compile("|".join(values), re.IGNORECASE)


def _names(kind: re.Pattern[str], names: str) -> dict[str, re.Pattern[str]]:
    return dict.fromkeys(names.split(), kind)


POSTGRES_TAKEN: Taken = {
    **_names(TEXT, "user password passfile dbname host hostaddr port service options application_name"),
    **_names(TEXT, "fallback_application_name requirepeer require_auth krbsrvname gsslib min_protocol_version"),
    **_names(TEXT, "sslcert sslkey sslpassword sslrootcert sslcrl sslcrldir sslkeylogfile max_protocol_version"),
    **_names(TEXT, "ssl_min_protocol_version ssl_max_protocol_version scram_client_key scram_server_key"),
    **_names(TEXT, "oauth_issuer oauth_client_id oauth_client_secret oauth_scope"),
    **_names(NUMBER, "connect_timeout keepalives keepalives_idle keepalives_interval keepalives_count"),
    **_names(NUMBER, "tcp_user_timeout sslcompression sslsni gssdelegation"),
    "client_encoding": _one_of("auto", "utf-?8"),
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslcertmode": _one_of("disable", "allow", "require"),
    "channel_binding": _one_of("disable", "prefer", "require"),
    "gssencmode": _one_of("disable", "prefer", "require"),
    "load_balance_hosts": _one_of("disable", "random"),
    "target_session_attrs": _one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
# What Prisma, Rails, Django, Go and JavaScript write for their own pools; ours has settings.
POSTGRES_IGNORED: Taken = {
    **_names(TEXT, "connection_limit pool_timeout pool pool_size max_overflow pool_max_conns pool_min_conns"),
    **_names(TEXT, "conn_max_age socket_timeout connectTimeout reaping_frequency checkout_timeout supa sslaccept"),
    **_names(TEXT, "prepared_statements statement_cache_size prepared_statement_cache_size uselibpqcompat"),
    **_names(TEXT, "prepared_statement_name_func default_query_exec_mode binary_parameters async_fallback"),
}
READ_ONLY = ("read-only", "standby", "prefer-standby")

REDIS_TAKEN: Taken = {
    **_names(TEXT, "username password client_name"),
    **_names(NUMBER, "db health_check_interval"),
    "protocol": _one_of("2", "3"),
    "socket_keepalive": FLAG,
}
REDIS_TLS: Taken = {
    **_names(TEXT, "ssl_ca_certs ssl_ca_path ssl_ca_data ssl_certfile ssl_keyfile ssl_password ssl_ciphers"),
    "ssl_check_hostname": FLAG,
    "ssl_cert_reqs": _one_of("none", "optional", "required"),
}
# What other clients write, and what ours would let overrule our deadlines and the size of our pool.
REDIS_IGNORED: Taken = {
    **_names(TEXT, "family timeout socket_timeout socket_connect_timeout connect_timeout connectTimeout"),
    **_names(TEXT, "commandTimeout max_connections pool_size pool_timeout retry_on_timeout retry_on_error"),
    **_names(TEXT, "decode_responses encoding encoding_errors socket_read_size lazyConnect enableReadyCheck"),
    **_names(TEXT, "enableOfflineQueue maxRetriesPerRequest keepAlive noDelay"),
}
TRUE = ("true", "1", "yes", "require", "required")


class UrlError(ValueError):
    """A URL that cannot be used. The message names the parameter at fault, and contains no value."""


@dataclass(frozen=True, repr=False)  # so that printing it shows no password
class ServerUrl:
    """A URL as its driver takes it. `ignored` are the parameters that were left out.

    `pooled`: it says that a pooler gives its connection to others between two transactions.
    """

    url: str
    ignored: tuple[str, ...] = ()
    pooled: bool = False


# D122: a URL is read in one place.
def read_postgres(url: str, *, writes: bool = True) -> ServerUrl:
    """Return the URL of a PostgreSQL as libpq reads it, of which `writes` says whether it must take changes.

    Raises `UrlError`.
    """
    place, _, query = url.partition("://")[2].partition("?")
    _check_characters(url)
    kept: dict[str, str] = {}
    ignored, pooled = [], False
    for name, value in _pairs(query, unquote):
        if name == "pgbouncer":
            pooled = pooled or value.lower() in TRUE
        elif name in ("schema", "currentSchema", "search_path"):
            if value != "public":
                raise UrlError(f"Its parameter {name} can be `public` only.")
            ignored.append(name)
        elif name in ("ssl", "sslmode") and (mode := _ssl_mode(name, value)):
            kept.setdefault("sslmode", mode)  # libpq's own word counts more
        elif name in POSTGRES_IGNORED:
            ignored.append(name)
        else:
            _check(name, value, POSTGRES_TAKEN)
            if writes and name == "target_session_attrs" and value.lower() in READ_ONLY:
                raise UrlError(f"Its parameter {name} leads to servers that take no changes.")
            kept[name] = value
    return ServerUrl(_whole(f"postgresql://{place}", kept), tuple(ignored), pooled)


def read_redis(url: str) -> ServerUrl:
    """Return the URL of a Redis as redis-py reads it. Raises `UrlError`."""
    _check_characters(url)
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    pairs = list(_pairs(query, unquote_plus))
    if scheme == "redis" and any(name in ("ssl", "tls") and value.lower() in TRUE for name, value in pairs):
        scheme = "rediss"
    _check_place(url, of_host=scheme != "unix")
    kept: dict[str, str] = {}
    ignored = []
    for name, value in pairs:
        if name in REDIS_IGNORED:
            ignored.append(name)
        elif name not in ("ssl", "tls"):
            if name in REDIS_TLS and scheme != "rediss":
                raise UrlError(f"Its parameter {name} goes with rediss:// only.")
            plain = value.lower().removeprefix("cert_") if name == "ssl_cert_reqs" else value
            _check(name, plain, {**REDIS_TAKEN, **REDIS_TLS})
            kept[name] = plain
    return ServerUrl(_whole(f"{scheme}://{place}", kept), tuple(ignored))


def _check_characters(url: str) -> None:
    """Refuse what is not text: libpq's reader fails on it, redis-py would send another password."""
    try:
        text = unquote(url, errors="strict")
    except UnicodeDecodeError:
        raise UrlError("Its percent-encoded characters are not UTF-8.") from None
    if "\0" in text:
        raise UrlError("It has a character that no name and no password may have.")


def _check_place(url: str, *, of_host: bool) -> None:
    """Check the host and the database of a Redis.

    redis-py silently takes database 0 for what is no number, and localhost if the password has a `#`.
    """
    try:
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0 or "#" in url:
        raise UrlError("Not readable as a URL (is the password percent-encoded, is the port a number?)")
    hosts, _, database = url.partition("://")[2].partition("?")[0].rpartition("@")[2].partition("/")
    if "," in hosts:
        raise UrlError("It names more than one host.")
    if of_host and not re.fullmatch(r"\d*", database.strip("/")):
        raise UrlError("The database behind its slash is not a number.")


def _pairs(query: str, decoded: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query. One that stands twice is refused: drivers take the first, or the last."""
    if "@" in query:
        raise UrlError("Not readable as a URL (is the password percent-encoded?)")
    seen: set[str] = set()
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        name, value = decoded(name), decoded(value)
        if not equals or not NAME.fullmatch(name):
            raise UrlError("One of its parameters is not readable (name=value).")
        if name in seen:
            raise UrlError(f"Its parameter {name} stands twice.")
        seen.add(name)
        yield name, value


def _ssl_mode(name: str, value: str) -> str | None:
    """Return libpq's word for what other drivers write; None for its own words."""
    if value.lower() == "no-verify" or (name == "ssl" and value.lower() in TRUE):
        return "require"
    return "prefer" if name == "ssl" and FLAG.fullmatch(value) else None


def _check(name: str, value: str, taken: Taken) -> None:
    if name not in taken:
        raise UrlError(f"Its parameter {name} is not known.")
    if not taken[name].fullmatch(value):
        raise UrlError(f"Its parameter {name} has a value that cannot be used.")


def _whole(place: str, parameters: Mapping[str, str]) -> str:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return f"{place}?{query}" if query else place
