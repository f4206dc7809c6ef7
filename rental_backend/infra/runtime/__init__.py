"""What a process knows of itself: lifecycle, modes, warm-up, periodic tasks."""
