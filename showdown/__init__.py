"""Side by side: measurements of the frameworks and of what carries them."""
