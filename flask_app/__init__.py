"""The users API in Flask. Run it alone with ``flask --app flask_app run --debug``."""

from flask import Flask, Response, abort, request

from contract.problems import allow_header
from contract.settings import Settings, get_settings
from flask_app import db, errors, me, probes, users, webhooks
from flask_app.bodies import CompactJSONProvider, no_content
from flask_app.converters import UserIdConverter


class App(Flask):
    """Flask with compact JSON and the contract's answer to OPTIONS."""

    json_provider_class = CompactJSONProvider

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with 204; Flask answers 200 with an empty page."""
        allowed = super().make_default_options_response().allow
        return no_content({"Allow": allow_header([*allowed])})


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application.

    Args:
        settings: read from the environment unless given.
    """
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
    app.before_request(refuse_leading_slashes)

    db.init_app(app, settings)
    errors.init_app(app)
    app.register_blueprint(users.bp)
    app.register_blueprint(probes.bp)
    app.register_blueprint(me.bp)
    app.register_blueprint(webhooks.bp)
    return app


def refuse_leading_slashes() -> None:
    """Answer 404 for ``//api/users``; Werkzeug's router matches it as ``/api/users``."""
    # request.path no longer has the second slash.
    if request.environ["PATH_INFO"].startswith("//"):
        abort(404)
