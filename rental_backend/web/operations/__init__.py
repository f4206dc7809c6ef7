"""Health, breakers, modes and drills, for operators."""
