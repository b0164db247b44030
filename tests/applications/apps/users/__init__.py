"""A Django application whose name others have, too."""
