"""Identity: tokens, passwords, revocations, and what is valid while the accounts are unavailable."""
