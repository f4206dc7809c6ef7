"""What monitoring scrapes."""
