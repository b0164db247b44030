"""Observability: request ids, access log, metrics, traces, health."""
