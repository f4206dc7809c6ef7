"""What accounts hand the application."""

from ..web.domain import Domain
from ..web.status.components import Component
from .auth.api import bp as auth
from .auth.api import users as sessions
from .roles.api import bp as roles
from .security.api import bp as security
from .users.api import bp as users

SIGN_IN = Component("sign-in", "Sign-in", "Signing in and staying signed in.", frozenset({"auth"}), place=4)
ADMINISTRATION = Component(
    "administration",
    "Administration",
    "User accounts, settings, backups.",
    frozenset({"users", "sessions", "roles", "security"}),
    place=8,
)
DOMAIN = Domain(blueprints=(auth, sessions, users, roles, security), components=(SIGN_IN, ADMINISTRATION))
