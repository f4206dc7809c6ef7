"""The pages about the system itself."""
