"""The bridge: serve WSGI applications (PEP 3333) from an ASGI server."""
