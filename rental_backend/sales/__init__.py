"""Sales, and the transition of rental stock to sale."""
