"""Rules of items and their SKUs."""
