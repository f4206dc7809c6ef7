"""Items: rules, SKUs, lists, first stock, blocking."""
