"""What the routing of the gateway finds under the prefix of a move."""

from typing import Self

from starlette.types import Receive, Scope, Send

from framework_gateway.migrate.serving import Serving
from framework_gateway.mounts.mount import Mount


class MovedMount:
    """Stands in place of the mount of the old application.

    Args:
        old: the mount.
        serving: serves its requests.
    """

    def __init__(self, old: Mount, serving: Serving) -> None:
        self.old = old
        self.serving = serving
        self.path, self.label = old.path, old.label
        self.login = any(mount.login for mount in serving.mounts.values())
        self.page_headers = old.page_headers
        self.request_timeout = old.request_timeout

    def load(self) -> Self:
        """Return itself: both applications are loaded."""
        return self

    def child_scope(self, scope: Scope, root_path: str) -> Scope | None:
        """Match the prefix, as the mount of the old application does."""
        return self.old.child_scope(scope, root_path)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request by one of the applications."""
        await self.serving(scope, receive, send)
