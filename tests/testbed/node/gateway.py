"""A stand-in for an ingress controller: real nginx, set up once from the Ingress objects of a namespace.

What an Ingress says (host, Secret of the certificate, Service and port by name) is looked up in the cluster as a
controller would, and nothing else is known here; so a route that names something wrong leads nowhere. It does not
follow changes, and it runs on the host's end of the node's cable, not in a pod: no ingress controller can be had as a
Go module without a proxy that cannot.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.testbed.node.cluster import NodeCluster
from tests.testbed.toolchain import Unavailable

CLASS = "nginx-stand-in"
PORT = 8443
_SITE = """\
server {{
  listen {address}:{port} ssl;
  server_name {host};
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  location {path} {{
    proxy_pass http://{backend};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
  }}
}}
"""
_SETTINGS = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{sites}}}
"""


class Gateway:
    """Serves the Ingresses of class ``CLASS`` until ``close``. Raises Unavailable where there is no nginx."""

    def __init__(self, cluster: NodeCluster, namespace: str, folder: Path) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            raise Unavailable(
                "routes are served by nginx, which is not installed (apt-get install nginx-light)"
            )
        self.address = cluster.machine.host
        self._cluster, self._namespace, self._folder = cluster, namespace, folder
        self._routes: list[str] = []
        sites = [
            self._site(ingress, rule, path)
            for ingress in cluster.get("ingresses", "-n", namespace)["items"]
            if ingress["spec"].get("ingressClassName") == CLASS
            for rule in ingress["spec"]["rules"]
            for path in rule["http"]["paths"]
        ]
        settings = folder / "nginx.conf"
        settings.write_text(_SETTINGS.format(folder=folder, sites="".join(sites)))
        self._process = subprocess.Popen([program, "-c", settings])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        for route in self._routes:
            subprocess.run(["ip", "route", "delete", route], check=False)

    def listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, PORT), timeout=1):
            return True
        return False

    def transport(self, authority: Path) -> httpx.BaseTransport:
        """Leads every host name here, as its DNS record would; the certificate must be good for that name."""
        return _Resolved(self.address, authority)

    def _site(self, ingress: dict[str, Any], rule: dict[str, Any], path: dict[str, Any]) -> str:
        host, wanted = rule["host"], path["backend"]["service"]
        (secret,) = (each["secretName"] for each in ingress["spec"]["tls"] if host in each["hosts"])
        data = self._cluster.get("secret", secret, "-n", self._namespace)["data"]
        files = {}
        for name in ("tls.crt", "tls.key"):
            files[name] = self._folder / f"{host}.{name}"
            files[name].write_bytes(base64.b64decode(data[name]))
        service = self._cluster.get("service", wanted["name"], "-n", self._namespace)["spec"]
        (port,) = (each["port"] for each in service["ports"] if each["name"] == wanted["port"]["name"])
        self._lead_to(service["clusterIP"])
        return _SITE.format(
            address=self.address,
            port=PORT,
            host=host,
            certificate=files["tls.crt"],
            key=files["tls.key"],
            path=path["path"],
            backend=f"{service['clusterIP']}:{port}",
        )

    def _lead_to(self, address: str) -> None:
        """From outside, a Service's address is reached by way of the node, whose kube-proxy knows it."""
        route = f"{address}/32"
        command = ["ip", "route", "replace", route, "via", self._cluster.machine.address]
        subprocess.run(command, check=True)
        self._routes.append(route)


class _Resolved(httpx.HTTPTransport):
    def __init__(self, address: str, authority: Path) -> None:
        super().__init__(verify=httpx.create_ssl_context(verify=str(authority)))
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # Another request: the client's own keeps its host, to which the answer's cookies belong.
        led_here = httpx.Request(
            request.method,
            request.url.copy_with(host=self._address, port=PORT),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(led_here)
