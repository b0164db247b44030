"""The article's Flask code, plus the POST endpoint of its FastAPI code, as briefly written."""

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.route("/api/users", methods=["GET"])
def get_users() -> Response:
    users = [{"id": 1, "name": "Alice"}, {"id": 2, "name": "Bob"}]
    return jsonify(users)


@app.route("/api/users", methods=["POST"])
def create_user() -> Response:
    return jsonify(request.get_json())
