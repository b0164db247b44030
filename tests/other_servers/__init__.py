"""A Gateway under servers other than its own."""
