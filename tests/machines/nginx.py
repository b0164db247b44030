"""Runs nginx with the configuration in deploy/, or with another one."""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.databases import missing
from tests.servers import ROOT

HOST = "gateway.example.com"  # the name in deploy/


def nginx(directory: Path, site: str) -> list[object]:
    """Write nginx's configuration with a site into a directory; return the command."""
    (directory / "site.conf").write_text(site)
    folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {directory / name};\n" for name in folders)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"{user}daemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\n"
        "events {}\n"
        f"http {{\naccess_log off;\n{paths}include {directory}/site.conf;\n}}\n"
    )
    return [find("nginx"), "-c", directory / "nginx.conf", "-e", "stderr"]


def deployed_site(directory: Path, http: int, https: int, gateways: Sequence[int]) -> str:
    """Return deploy/nginx.conf with only its addresses and paths replaced.

    Args:
        directory: where ``make_certificate`` has written.
        http, https: ports to listen on.
        gateways: the ports of the two gateways.
    """
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    for pattern, value in {
        r"192\.0\.2\.11:8000": f"127.0.0.1:{gateways[0]}",
        r"192\.0\.2\.12:8000": f"127.0.0.1:{gateways[1]}",
        r"listen 80;": f"listen 127.0.0.1:{http};",
        r"listen 443 ": f"listen 127.0.0.1:{https} ",
        r"/etc/ssl/certs/": f"{directory}/",
        r"/etc/ssl/private/": f"{directory}/",
    }.items():
        site, count = re.subn(pattern, value, site)
        assert count == 1, pattern
    return site


def make_certificate(directory: Path) -> ssl.SSLContext:
    """Write a self-signed certificate; return a context that trusts it."""
    key, certificate = directory / "gateway.key", directory / "gateway.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1"]
    files = ["-keyout", key, "-out", certificate]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = [find("openssl"), "req", "-x509", *kind, *subject, *files]
    subprocess.run([*map(str, command)], stderr=subprocess.DEVNULL, check=True)
    return ssl.create_default_context(cafile=certificate)


def find(program: str) -> str:
    """Return the path of a program; if it is missing, skip the test, or fail it in CI."""
    if found := shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
        return found
    package = {"systemd-analyze": "systemd"}.get(program, program)
    missing(f"{program} is not installed (Debian: apt-get install {package})")
