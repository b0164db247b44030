"""Applications of PEP 3333 behind an ASGI server: the bridge."""
