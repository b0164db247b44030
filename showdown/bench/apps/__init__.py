"""Applications that exist only to be measured."""
