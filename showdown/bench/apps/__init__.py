"""Applications that only the measurements serve."""
