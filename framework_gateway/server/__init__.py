"""The server: uvicorn, with limits on connections and workers of its own."""
