"""Signing in, staying signed in, passwords and sessions."""
