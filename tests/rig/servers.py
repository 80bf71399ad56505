# SPDX-License-Identifier: BSD-3-Clause
"""Servers that others wrote, at both addresses of a pod: nginx, haproxy before it, iperf3."""

from pathlib import Path

from rig.addresses import FAMILIES, Pod, endpoint
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry

NGINX_PORT = 8081
HAPROXY_PORT = 8082
IPERF_PORT = 5201

_NGINX = """\
daemon off;
user root;
worker_processes 1;
pid @pid@;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    keepalive_requests 100000;
    server {
        @listen@
        root @root@;
        add_header Server-Name @name@;
    }
}
"""

_HAPROXY = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend in
    @bind@
    default_backend nginx
backend nginx
    server one @nginx@
"""


def nginx(registry: Registry, namespace: Namespace, pod: Pod, root: Path) -> Process:
    """Start nginx on the files below `root`."""
    listen = " ".join(f"listen {endpoint(pod.at(f), NGINX_PORT)};" for f in FAMILIES)
    words = {"pid": f"{registry.directory}/{pod.name}-nginx.pid", "listen": listen}
    words |= {"root": str(root), "name": pod.name}
    config = _written(registry, f"{pod.name}-nginx.conf", _NGINX, words)
    return Process(registry, namespace, f"{pod.name}-nginx", ["nginx", "-c", str(config)])


def haproxy(registry: Registry, namespace: Namespace, pod: Pod) -> Process:
    """Start haproxy, which passes every request on to the pod's nginx."""
    bind = "\n    ".join(f"bind {endpoint(pod.at(f), HAPROXY_PORT)}" for f in FAMILIES)
    words = {"bind": bind, "nginx": endpoint(pod.address, NGINX_PORT)}
    config = _written(registry, f"{pod.name}-haproxy.cfg", _HAPROXY, words)
    argv = ["haproxy", "-db", "-f", str(config)]
    return Process(registry, namespace, f"{pod.name}-haproxy", argv)


def iperf3(registry: Registry, namespace: Namespace, pod: Pod) -> list[Process]:
    """Start an iperf3 server for each family; each serves one test at a time."""
    return [
        Process(
            registry,
            namespace,
            f"{pod.name}-iperf3-{family.version}",
            ["iperf3", "-s", "-B", pod.at(family), "-p", str(IPERF_PORT)],
        )
        for family in FAMILIES
    ]


def _written(registry: Registry, name: str, text: str, words: dict[str, str]) -> Path:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    file = registry.directory / name
    file.write_text(text)
    return file
