"""An application that calls basicConfig(), as a script does."""

import logging
from typing import Any

logging.basicConfig(level=logging.INFO, format="chatty %(levelname)s %(name)s %(message)s")


def app(environ: dict[str, Any], start_response: Any) -> Any:
    logging.getLogger("shop").info("request %s", environ["HTTP_X_REQUEST_ID"])
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("sold out")
    start_response("200 OK", [])
    return [b""]
