"""Pass requests on to servers at other addresses, by HTTP/1.1 and WebSocket."""
