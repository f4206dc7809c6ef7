"""Purchases, their returns and credit memos."""
