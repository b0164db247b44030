"""The pages of the gateway: Compare, Code, Race and Routes."""
