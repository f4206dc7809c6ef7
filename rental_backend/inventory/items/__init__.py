"""Items with their stock."""
