"""What is wrong with this installation, and what mends it. Nothing is changed, and no secret told."""
