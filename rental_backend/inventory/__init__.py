"""Units, stock levels, movements, blocking, damage and repairs."""
