"""The applications of a gateway: planned by their prefixes, and loaded when they are needed."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from framework_gateway.config import Config
from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.mount import Mount
from framework_gateway.prefixes import check_prefix
from framework_gateway.processes.plan import Plan
from framework_gateway.processes.states import ProcessStates
from framework_gateway.proxy.timeouts import sooner

if TYPE_CHECKING:
    from framework_gateway.migrate.move import Move

logger = logging.getLogger("framework_gateway")


class Applications:
    """What a gateway mounts. It is planned first, and loaded once.

    Args:
        applications: as for ``Gateway``.
        moves: as for ``Gateway``.
        links: as for ``Gateway``.
        config: has the options that are not given to a mount. It may be replaced before the
            applications are loaded.

    Attributes:
        planned: the mounts by prefix, loaded or not. The new application of a move has no prefix
            of its own, and is found by its label.
        moves: the moves by prefix.
        links: maps names to paths.
    """

    def __init__(
        self,
        applications: Mapping[str, Any] | Sequence[Mount],
        moves: "Sequence[Move]",
        links: Mapping[str, str] | None,
        config: Config,
    ) -> None:
        self.config = config
        if isinstance(applications, Mapping):
            applications = [Mount(prefix, app) for prefix, app in applications.items()]
        self.planned = {mount.path: mount for mount in applications}
        self.moves: dict[str, Move] = {}
        for move in moves:
            self.add_move(move)
        for path in self.planned:
            check_prefix(path)
        if links is None:
            prefixes = [mount.path for mount in self.planned.values() if not self.is_new(mount)]
            links = {prefix or "Root": f"{prefix}/" for prefix in prefixes}
        self.links = {"Compare": "/", **links}
        if "" in self.planned:
            del self.links["Compare"]  # the application at "/" has the place of the pages

    def mount_application(self, prefix: str, application: Any, **options: Any) -> None:
        """Add an application, before the gateway starts; it replaces one at the same prefix.

        Args:
            prefix: such as ``/shop``; ``/`` for all paths that no other mount has.
            application: as for ``Mount``.
            options: as for ``Mount``.

        Raises:
            ValueError: the prefix has a path that the gateway itself serves.
        """
        mount = Mount(prefix, application, **options)
        check_prefix(mount.path)
        if mount.path in self.planned:
            below = f"{mount.path}/"
            self.links = {k: v for k, v in self.links.items() if not v.startswith(below)}
        if (move := self.moves.pop(mount.path, None)) is not None:
            del self.planned[move.mounts["new"].label]
        self.planned[mount.path] = mount
        self.links[mount.path or "Root"] = f"{mount.path}/"

    def add_move(self, move: "Move") -> None:
        """Add a move, before the gateway starts; it replaces what is at its prefix.

        Raises:
            ValueError: the prefix has a path that the gateway itself serves.
        """
        check_prefix(move.path)
        self.moves[move.path] = move
        self.planned[move.path] = move.mounts["old"]
        self.planned[move.mounts["new"].label] = move.mounts["new"]

    def is_new(self, mount: Mount) -> bool:
        """Return whether a mount is the new application of a move, and has no prefix of its own."""
        move = self.moves.get(mount.path)
        return move is not None and move.mounts["new"] is mount

    def watch_processes(self, states: Mapping[str, ProcessStates]) -> None:
        """Use processes that another process supervises, before the gateway starts.

        Args:
            states: by the label of the mount.
        """
        for mount in self.planned.values():
            mount.process_states = states.get(mount.label)

    @property
    def plans(self) -> list[Plan]:
        """What runs in processes of its own because the options of a mount say so."""
        self._configure()
        isolated = [mount for mount in self.planned.values() if mount.options.process is not None]
        found: list[Plan] = []
        for mount in isolated:
            with suppress(ApplicationError):  # the mount says so when it loads
                found.append(mount.plan())
        return found

    def _configure(self) -> None:
        config = self.config
        defaults = {
            "max_requests": config.max_requests,
            "max_body_size": config.max_body_size,
            "max_streams": config.max_streams,
            "max_streams_of_client": config.max_streams_of_client,
            "threads": config.threads,
            "queue_size": config.max_requests,
            "grace": config.graceful_timeout,
            "start_timeout": config.start_timeout,
            "response_timeout": sooner(config.request_timeout),
        }
        for mount in self.planned.values():
            mount.configure(**defaults)

    def load(self, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        """Import the applications before the event loop runs, as gunicorn does.

        Each finds the loop as the current one, also where another application has set, unset or
        closed it.

        Args:
            make_loop: makes the event loop.

        Returns:
            The loop that is to run.
        """
        loop = make_loop()
        self._configure()
        for mount in self.planned.values():
            asyncio.set_event_loop(loop)
            mount.load()
            if loop.is_closed():
                logger.warning("%s closed the event loop; a new one is made", mount.called)
                loop = make_loop()
        asyncio.set_event_loop(loop)
        return loop

    @cached_property
    def mounts(self) -> list[Mount]:
        """The mounts; they are loaded when this is first read."""
        self._configure()
        return [mount.load() for mount in self.planned.values()]

    @property
    def own_mounts(self) -> list[Mount]:
        """The mounts that have a prefix of their own: all but the new applications of moves."""
        return [mount for mount in self.mounts if not self.is_new(mount)]

    @property
    def failures(self) -> dict[str, str]:
        """What is wrong with mounts, by prefix.

        The new application of a move is not among them, because the old one answers in its place.
        """
        found = {mount.label: mount.failure or mount.fault for mount in self.own_mounts}
        return {label: text for label, text in found.items() if text is not None}
