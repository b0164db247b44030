"""What is known of each request: ids, log, metrics, traces, health."""
