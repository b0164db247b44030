"""WsgiDAV with a folder that everybody may write to; run alone, on its usual server, Cheroot."""

import os
import sys

from wsgidav.wsgidav_app import WsgiDAVApp

PREFIX = "/dav"

application = WsgiDAVApp(
    {
        "mount_path": PREFIX,
        "provider_mapping": {"/": os.environ["APPLICATION_DATA"]},
        "simple_dc": {"user_mapping": {"*": True}},  # no login
        "lock_storage": True,  # in memory
        "property_manager": True,
        "logging": {"enable": False},
    }
)

if __name__ == "__main__":
    from cheroot.wsgi import PathInfoDispatcher, Server

    server = Server(("127.0.0.1", int(sys.argv[1])), PathInfoDispatcher({PREFIX: application}))
    server.safe_start()
