"""The server: uvicorn, with limits on connections and its own supervisor of workers."""
