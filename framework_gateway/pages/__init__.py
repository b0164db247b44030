"""Pages that compare the mounted applications."""
