"""A Falcon application for WSGI."""

import falcon


class Things:
    """What both Falcon applications answer."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {
            "uri": req.uri,
            "root": req.root_path,
            "path": req.path,
            "params": req.params,
        }
        resp.set_cookie("seen", "yes", secure=False)
        resp.append_header("Vary", "Accept")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_201
        resp.location = f"{req.root_path}/things/1"
        resp.media = req.get_media()

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = req.bounded_stream.read()
        resp.content_type = falcon.MEDIA_TEXT

    def on_delete(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_204


class Stream:
    """A body of unknown length."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.stream = (b"%d\n" % number for number in range(1000))


app = falcon.App()
app.add_route("/things", Things())
app.add_route("/stream", Stream())
