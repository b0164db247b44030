"""A Dash page with a callback: an object that is called with ``*args``."""

from dash import Dash, Input, Output, dcc, html

app = Dash(requests_pathname_prefix="/dash/", routes_pathname_prefix="/")
app.layout = html.Div([dcc.Input(id="name", value="Ann"), html.P(id="greeting")])


@app.callback(Output("greeting", "children"), Input("name", "value"))
def greet(name: str) -> str:
    return f"Hello {name}"
