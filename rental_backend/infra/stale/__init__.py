"""Last good answers for outages, and the log of changes that says whom they may be shown."""
