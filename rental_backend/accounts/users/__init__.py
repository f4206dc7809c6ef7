"""User accounts, their roles and direct grants."""
