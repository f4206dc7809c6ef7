"""The running process: lifecycle, modes, warm-up, periodic tasks, backups, fault injection."""
