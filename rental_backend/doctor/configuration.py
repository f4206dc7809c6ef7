"""Checks of the configuration. Invalid values are found earlier: a start with invalid values names each of them."""

from collections.abc import Iterator

from ..config import Config
from .findings import Finding, passed, warned
from .origins import origins

FEWEST_CHARACTERS = 12  # distinct characters of a key; 32 random letters or digits have 20 and more


def settings(config: Config) -> Iterator[Finding]:
    """Check the configuration. Findings contain names, never values."""
    yield passed("settings", f"all can be used; this is {config.environment}")
    yield from _keys(config)
    if config.mode != "normal":
        yield warned(
            "mode", f"MODE is {config.mode}: the service does less than it could", "MODE=normal, and a restart"
        )
    if not config.break_glass_hash:
        message = "BREAK_GLASS_HASH is not set: nobody can sign in while the accounts are away"
        yield warned("break-glass", message, "set it to an argon2id hash; deploy/OPERATIONS.md says how")
    findings = list(origins(config.cors_origins))
    yield from findings or [passed("cors-setting", f"{len(config.cors_origins)} origins may call")]


def _keys(config: Config) -> Iterator[Finding]:
    if len(set(config.secret_key)) < FEWEST_CHARACTERS:
        mend = "python -c 'import secrets; print(secrets.token_urlsafe(48))', the old one into SECRET_KEYS_OLD"
        message = f"SECRET_KEY has fewer than {FEWEST_CHARACTERS} different characters, so it may be guessed"
        yield warned("secret-key", message, mend)
    else:
        yield passed("secret-key", "SECRET_KEY is long and mixed enough")
    if config.secret_key in config.secret_keys_old:
        message = "SECRET_KEYS_OLD holds SECRET_KEY itself: the key was not changed"
        yield warned("secret-key-old", message, "set a new SECRET_KEY, or take it out of SECRET_KEYS_OLD")
    elif config.secret_keys_old:
        message = f"{len(config.secret_keys_old)} former keys are still good"
        yield warned("secret-key-old", message, f"take them out {config.refresh_token_days} days after the change")
