"""Applications in processes of their own."""
