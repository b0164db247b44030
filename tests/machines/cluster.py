"""A team's installation: PostgreSQL, two gateways with two workers each, and nginx."""

import os
import re
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2 as httpx

from tests.databases import PostgreSQL, free_port
from tests.machines.nginx import HOST, deployed_site, make_certificate, nginx
from tests.servers import ROOT, SCRIPTS, Server, running, wait_for
from tests.test_webhooks import SECRET

ADMIN = {"username": "admin", "password": "a long password for the tests"}
WORKERS, THREADS = 2, 8


class Gateway:
    """One of the two gateways; for the others, it is on another machine."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process: Server
        self._stack = ExitStack()

    def launch(self) -> None:
        command = ("gateway", "serve", "--workers", WORKERS, "--port", self.port)
        self.process = self._stack.enter_context(running(*command, env=self.env))

    def start(self) -> None:
        """Start the gateway, and wait until it answers."""
        self.launch()
        wait_for(self.process, f"{self.origin}/flask/api/hello")

    def kill(self) -> None:
        """Kill all of its processes at once, as if the machine lost power."""
        for process in [self.process.pid, *self.process.children]:
            os.kill(process, signal.SIGKILL)
        self._stack.close()

    def stop(self) -> int:
        """Stop it with SIGTERM; return the exit status."""
        self.process.terminate()
        status = self.process.wait(20)
        self._stack.close()
        return status


class Cluster:
    """The whole installation.

    Attributes:
        origin: the URL of nginx.
        trust: a context that trusts nginx's certificate.
        prepared: the output of `prepare`.
        token: an API token.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = PostgreSQL(directory)
        self.env = {
            "GATEWAY_ENV": "production",
            "GATEWAY_ALLOWED_HOSTS": HOST,
            "GATEWAY_DATABASE_URL": self.database.url,
            "GATEWAY_DATABASE_TIMEOUT": "5",
            "GATEWAY_SECRET_KEY": "this key signs nothing outside of this test, and nowhere else",
            "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
            "GATEWAY_THREADS": str(THREADS),
            "GATEWAY_FILES_DIR": str(directory / "files"),
            "GATEWAY_WEBHOOK_SECRET": SECRET,
        }
        self.gateways = [Gateway(self.env) for _ in range(2)]
        self.http, self.https = free_port(), free_port()
        self.origin = f"https://127.0.0.1:{self.https}"
        self.trust: ssl.SSLContext
        self.prepared = self.token = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, and stop it when the block ends."""
        self.trust = make_certificate(self.directory)
        with ExitStack() as stack:
            stack.enter_context(self.database.serving())
            self.prepared = self.manage("prepare")
            self.manage("createsuperuser", "--noinput", "--email", "", "--username", "admin")
            for gateway in self.gateways:
                gateway.launch()
                stack.callback(gateway.stop)
            ports = [gateway.port for gateway in self.gateways]
            site = deployed_site(self.directory, self.http, self.https, ports)
            server = stack.enter_context(running(*nginx(self.directory, site)))
            wait_for(server, f"http://127.0.0.1:{self.http}/")
            for gateway in self.gateways:
                wait_for(gateway.process, f"{gateway.origin}/flask/api/hello")
            self.token = self.make_token()
            yield

    def manage(self, *command: str) -> str:
        """Run one of Django's commands; return its output."""
        result = subprocess.run(
            [SCRIPTS / "python", ROOT / "manage.py", *command],
            env={**os.environ, **self.env, "DJANGO_SUPERUSER_PASSWORD": ADMIN["password"]},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return result.stdout

    def client(self, timeout: float = 20) -> httpx.Client:
        """Return a client for the site."""
        return httpx.Client(
            base_url=self.origin, headers={"Host": HOST}, verify=self.trust, timeout=timeout
        )

    def make_token(self) -> str:
        """Log in through nginx with the form, and make an API token in the admin."""
        with self.client() as client:
            client.headers["Referer"] = f"https://{HOST}/"
            self.log_in(client)
            page = "/django/admin/django_app/apitoken/add/"
            client.get(page).raise_for_status()
            form = {"owner": "1", "name": "load", "csrfmiddlewaretoken": csrf(client)}
            shown = client.post(page, data=form)
            token: str = re.findall(r'<code id="token">(.*?)<', shown.text)[0]
            return token

    @staticmethod
    def log_in(client: httpx.Client) -> None:
        login = "/django/admin/login/"
        client.get(login).raise_for_status()
        answer = client.post(login, data={**ADMIN, "csrfmiddlewaretoken": csrf(client)})
        assert answer.status_code == 302, answer.text


def csrf(client: httpx.Client) -> str:
    """Return the CSRF token of a form."""
    return next(cookie.value or "" for cookie in client.cookies.jar if "csrf" in cookie.name)
