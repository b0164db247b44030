"""Reports of comparisons: in the terminal, and in files whose name says the format."""
