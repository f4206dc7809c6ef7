"""The companies in whose names business is done."""
