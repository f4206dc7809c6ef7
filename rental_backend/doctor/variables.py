"""Checks of a service's variables alone, which can be made wherever the variables are known: before a start, too.

They import the standard library only, as the tool for Railway does. Findings contain names, never values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .budget import ConnectionBudget
from .findings import Finding, failed, passed, skipped, warned

REQUIRED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL")  # in production
PRODUCTION = ("production", "staging")
SHORTEST_KEY = 32  # characters
FEWEST_CHARACTERS = 12  # distinct characters of a key; 32 random letters or digits have 20 and more
LOCAL = ("localhost", "127.0.0.1", "::1", "")
PLAIN = "http://"


@dataclass(frozen=True, kw_only=True, repr=False)  # what is printed shows no secret
class Variables:
    """The variables of a service, its slots and replicas, and max_connections of its database if known."""

    values: Mapping[str, str]
    slots: int = 1
    replicas: int = 1
    limit: int | None = None

    def text(self, name: str) -> str:
        """Return the value of a variable without surrounding blanks; a blank one counts as unset."""
        return self.values.get(name, "").strip()

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a variable that is a list, separated by commas or blanks."""
        return tuple(self.text(name).replace(",", " ").split())


def required(variables: Variables) -> Iterator[Finding]:
    """Check whether the variables that production cannot be without are set."""
    missing = ", ".join(name for name in REQUIRED if not variables.text(name))
    environment = variables.text("ENVIRONMENT") or PRODUCTION[0]
    mend = "set them; on Railway DATABASE_URL as ${{Postgres.DATABASE_URL}}, REDIS_URL as ${{Redis.REDIS_URL}}"
    if not missing:
        yield passed("setting-missing", f"{', '.join(REQUIRED)} are set")
    elif environment in PRODUCTION:
        yield failed("setting-missing", f"{missing} not set", mend)
    else:
        yield skipped("setting-missing", f"{missing} not set, which {environment} does not require", mend)


def secret_key(variables: Variables) -> Iterator[Finding]:
    """Check whether the key that signs tokens can be guessed."""
    key = variables.text("SECRET_KEY")
    if 0 < len(key) < SHORTEST_KEY:
        yield failed("setting-key", f"SECRET_KEY has fewer than {SHORTEST_KEY} characters", "make a longer one")
    elif 0 < len(set(key)) < FEWEST_CHARACTERS:
        mend = "python -c 'import secrets; print(secrets.token_urlsafe(48))', the old one into SECRET_KEYS_OLD"
        message = f"SECRET_KEY has fewer than {FEWEST_CHARACTERS} different characters, so it may be guessed"
        yield warned("secret-key", message, mend)
    elif key:
        yield passed("secret-key", "SECRET_KEY is long and mixed enough")


def former_keys(variables: Variables) -> Iterator[Finding]:
    """Check whether keys that were changed are still good."""
    former = variables.words("SECRET_KEYS_OLD")
    if variables.text("SECRET_KEY") in former:
        message = "SECRET_KEYS_OLD holds SECRET_KEY itself: the key was not changed"
        yield warned("secret-key-old", message, "set a new SECRET_KEY, or take it out of SECRET_KEYS_OLD")
    elif former:
        message = f"{len(former)} former keys are still good"
        yield warned("secret-key-old", message, "take them out REFRESH_TOKEN_DAYS days after the change")


def mode(variables: Variables) -> Iterator[Finding]:
    """Check whether the service starts in a mode that does less."""
    if variables.text("MODE") not in ("", "normal"):
        message = f"MODE is {variables.text('MODE')}: the service does less than it could"
        yield warned("mode", message, "MODE=normal, and a restart")


def break_glass(variables: Variables) -> Iterator[Finding]:
    """Check whether somebody can sign in while the accounts are away."""
    if not variables.text("BREAK_GLASS_HASH"):
        message = "BREAK_GLASS_HASH is not set: nobody can sign in while the accounts are away"
        yield warned("break-glass", message, "set it to an argon2id hash; deploy/OPERATIONS.md says how")


def origins(variables: Variables) -> Iterator[Finding]:
    """Check whether each entry of CORS_ORIGINS is a valid origin."""
    listed = variables.words("CORS_ORIGINS")
    wrong = [finding for origin in listed for finding in _origin(origin)]
    told = f"{len(listed)} origins may call" if listed else "CORS_ORIGINS is not set, so its default may call"
    yield from wrong or [passed("cors-setting", told)]


def _origin(origin: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(origin)
    except ValueError:  # brackets that are not closed
        parts = urlsplit("")
    if parts.path or not parts.netloc or origin == "*":
        message = f"{origin} in CORS_ORIGINS is no origin, so it allows nobody"
        yield failed("cors-setting", message, "scheme and host only, without a path or final slash")
    elif origin.startswith(PLAIN) and parts.hostname not in LOCAL:
        yield warned("cors-setting", f"{origin} in CORS_ORIGINS is not encrypted", "https://")


def connections(variables: Variables) -> Iterator[Finding]:
    """Compare the connections that all instances and their next deployment may open with the server's."""
    yield ConnectionBudget.of(
        variables.values, slots=variables.slots, replicas=variables.replicas, measured=variables.limit
    ).finding()
