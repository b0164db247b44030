"""Load tests: each server runs in its own process, and rounds of measurements alternate."""
