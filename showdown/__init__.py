"""Flask, FastAPI and Django side by side: pages, benchmarks and claims."""
