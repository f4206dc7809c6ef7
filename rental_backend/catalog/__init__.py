"""Brands, categories, units of measurement, items, SKU sequences and locations."""
