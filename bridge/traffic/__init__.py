"""What real traffic needs around the mounts: limits, and to be seen."""
