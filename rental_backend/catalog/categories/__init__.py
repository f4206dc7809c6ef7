"""The tree of categories and their codes."""
