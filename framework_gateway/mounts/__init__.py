"""Applications under prefixes: loading, lifespan, limits."""
