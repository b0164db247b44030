"""A move: an old and a new application under one prefix."""

from collections.abc import Mapping
from typing import Any

from framework_gateway.compare.rules import Rules
from framework_gateway.migrate.control import Control
from framework_gateway.migrate.metrics import MoveMetrics
from framework_gateway.migrate.options import MoveOptions
from framework_gateway.migrate.stores import Store
from framework_gateway.migrate.testers import Side
from framework_gateway.mounts.mount import Mount


class Move:
    """An API that moves from one application to another, route by route, under real traffic.

    The old application answers everything until a rule says otherwise::

        Gateway(moves=[Move("/api", old="legacy.wsgi:application", new="shop.main:app")])

    Args:
        path: the prefix of both, as for ``Mount``.
        old, new: applications, as for ``Mount``: an object, an import string, or addresses.
        old_options, new_options: the options of their mounts.
        options: the members of ``framework_gateway.migrate.options.MoveOptions``.

    Attributes:
        mounts: both applications, ``old`` and ``new``.
        control: what serves the move; None until the gateway has loaded the applications.
    """

    def __init__(
        self,
        path: str,
        *,
        old: Any,
        new: Any,
        old_options: Mapping[str, Any] | None = None,
        new_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.options = MoveOptions(**options)
        self.rules_with(Rules())  # a wrong rule raises ValueError here
        first = Mount(path, old, **(old_options or {}))
        label = f"{first.label} (new)"
        second = Mount(path, new, target=label, **(new_options or {}))
        self.mounts: dict[Side, Mount] = {"old": first, "new": second}
        self.path = first.path
        self.control: Control | None = None

    def rules_with(self, rules: Rules) -> Rules:
        """Return the rules of a comparison, with those of the move.

        Raises:
            ValueError: a rule is invalid.
        """
        own = Rules.build(
            unordered=self.options.unordered,
            ignore=self.options.ignore,
            tolerance=self.options.tolerance,
        )
        return Rules(
            headers=rules.headers,
            ignore=[*rules.ignore, *own.ignore],
            unordered=[*rules.unordered, *own.unordered],
            tolerance=rules.tolerance if own.tolerance is None else own.tolerance,
            exact=rules.exact,
        )

    def start(
        self,
        store: Store,
        rules: Rules,
        secret: str | None,
        metrics: MoveMetrics | None,
        request_timeout: float,
    ) -> Control:
        """Make what serves the move, when both applications are loaded."""
        self.control = Control(
            self.path,
            self.mounts,
            self.options,
            store,
            self.rules_with(rules),
            secret,
            metrics,
            request_timeout,
        )
        return self.control
