"""``make move-demo``: the users API moves from Flask to FastAPI, with two planted mistakes."""
