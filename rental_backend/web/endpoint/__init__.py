"""The declaration of a view and the wrapper that enforces it."""
