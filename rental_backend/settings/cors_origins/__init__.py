"""The origins that may call from a browser."""
