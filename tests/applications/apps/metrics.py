"""An application's own metrics, in prometheus_client's default registry as usual."""

from prometheus_client import Counter, make_asgi_app, make_wsgi_app

sold = Counter("things_sold_total", "Things that were sold")
sold.inc(3)

wsgi = make_wsgi_app()
asgi = make_asgi_app()
