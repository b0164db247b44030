"""Applications that others wrote, mounted and compared with their usual server."""
