"""A call to a slow service in Flask: the thread waits."""

import httpx2 as httpx
from flask import Flask

from contract.settings import get_settings
from flask_app.bodies import CompactJSONProvider
from showdown.claims.apps.upstream import service_url

app = Flask(__name__)
app.json = CompactJSONProvider(app)
client = httpx.Client(limits=httpx.Limits(max_connections=get_settings().threads), timeout=60)


@app.get("/api/price")
def price() -> dict[str, int]:
    answer = client.get(service_url()).raise_for_status()
    return {"price": answer.json()["price"]}
