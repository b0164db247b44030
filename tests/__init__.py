"""The suite mirrors the packages; ``contract/`` is what every framework must pass."""
