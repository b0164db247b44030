"""Clients of the applications, which run in the applications' environment."""
