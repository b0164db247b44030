"""Whom the gateway answers, and what it refuses before a mount sees it."""
