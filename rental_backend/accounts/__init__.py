"""Users, roles, permissions, tokens and sign-in."""
