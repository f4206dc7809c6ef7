"""Reports about customers and suppliers."""
