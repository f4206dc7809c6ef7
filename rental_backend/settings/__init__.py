"""The company, system settings, backups and audit logs."""
