"""uvicorn's server with connections that are looked after."""

import asyncio

import uvicorn

from bridge.traffic.protocol import Connection

TICKS = 10  # of a tenth of a second, between two looks at the connections


class Server(uvicorn.Server):
    """Serves with connections that have limits; its configuration is a ``Config`` of theirs."""

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections once a second."""
        if counter % TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in [*self.server_state.connections]:
                if isinstance(connection, Connection):  # and no WebSocket, which has pings
                    connection.check(now)
        return await super().on_tick(counter)
