"""The same Falcon application for ASGI, with events and a WebSocket.

Its routes begin with the prefix of the mount, because Falcon's ASGI application does not look at
``root_path``.
"""

from collections.abc import AsyncIterator

import falcon
import falcon.asgi
from falcon.asgi import Request, Response, SSEvent, WebSocket


class Things:
    async def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {
            "uri": req.uri,
            "root": req.root_path,
            "path": req.path,
            "params": req.params,
        }
        resp.set_cookie("seen", "yes", secure=False)
        resp.append_header("Vary", "Accept")

    async def on_post(self, req: Request, resp: Response) -> None:
        resp.status = falcon.HTTP_201
        resp.location = f"{req.root_path}/things/1"
        resp.media = await req.get_media()

    async def on_put(self, req: Request, resp: Response) -> None:
        resp.data = await req.stream.read()
        resp.content_type = falcon.MEDIA_TEXT

    async def on_delete(self, _req: Request, resp: Response) -> None:
        resp.status = falcon.HTTP_204


class Stream:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.stream = self.lines()

    async def lines(self) -> AsyncIterator[bytes]:
        for number in range(1000):
            yield b"%d\n" % number


class Events:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.sse = self.events()

    async def events(self) -> AsyncIterator[SSEvent]:
        for number in range(3):
            yield SSEvent(json={"number": number})


class Socket:
    async def on_websocket(self, _req: Request, socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text((await socket.receive_text()).upper())
        except falcon.WebSocketDisconnected:
            pass


app = falcon.asgi.App()
app.add_route("/falcon/things", Things())
app.add_route("/falcon/stream", Stream())
app.add_route("/falcon/events", Events())
app.add_route("/falcon/socket", Socket())
