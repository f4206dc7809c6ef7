"""The commands that run and test the application on a bare machine."""
