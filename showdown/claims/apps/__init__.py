"""Small applications that only the experiments serve."""
