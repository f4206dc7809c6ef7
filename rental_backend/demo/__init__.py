"""A shop made up for trying things out and for measuring; it keeps every rule that the real one keeps."""
