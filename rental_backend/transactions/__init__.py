"""What purchases, sales and rentals share: headers, lines, metadata and events."""
