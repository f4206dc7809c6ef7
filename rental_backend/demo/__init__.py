"""The demo shop: generated data for trying things out and for measuring, which keeps all business rules."""
