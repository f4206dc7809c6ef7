"""Identity: tokens, passwords, revocations, and what counts while the accounts are away."""
