"""Security: checks of requests, allowed hosts, trusted proxies, authentication, headers."""
