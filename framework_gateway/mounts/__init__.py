"""Mount applications under prefixes: loading, lifespan, limits."""
