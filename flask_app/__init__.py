"""The users API in Flask. Alone: ``flask --app flask_app run --debug``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response

from contract.problems import allow_header
from contract.settings import Settings, get_settings
from flask_app import db, errors, me, probes, users, webhooks
from flask_app.converters import UserIdConverter
from flask_app.json import CompactJSONProvider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class App(Flask):
    """Flask with the contract's answers to what Flask answers by itself."""

    json_provider_class = CompactJSONProvider

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Leave ``//api/users`` an unknown path; Werkzeug would match it as ``/api/users``."""
        if environ["PATH_INFO"].startswith("//"):
            environ["PATH_INFO"] = "/%2F"
        return super().wsgi_app(environ, start_response)

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with 204 where Flask says 200 with an empty page."""
        allowed = super().make_default_options_response().allow
        response = self.response_class(status=204, headers={"Allow": allow_header([*allowed])})
        del response.headers["Content-Type"]
        return response


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application; the settings come from the environment unless given."""
    settings = settings or get_settings()
    app = App(__name__, static_folder=None)
    app.config.from_mapping(
        MAX_CONTENT_LENGTH=settings.max_body_size,
        WEBHOOK_SECRET=settings.webhook_secret,
    )
    app.url_map.converters["user_id"] = UserIdConverter
    # Serve /api/users/ as /api/users: a redirect would lose the body of a POST.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False

    db.init_app(app, settings)
    errors.init_app(app)
    app.register_blueprint(users.bp)
    app.register_blueprint(probes.bp)
    app.register_blueprint(me.bp)
    app.register_blueprint(webhooks.bp)
    return app
