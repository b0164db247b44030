"""Small applications that exist only for the experiments."""
