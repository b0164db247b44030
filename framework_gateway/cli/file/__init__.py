"""``gateway.toml``: the file that describes a gateway."""
