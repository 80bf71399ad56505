# SPDX-License-Identifier: BSD-3-Clause
"""Servers that others wrote, at both addresses of a pod: nginx, haproxy before it, iperf3."""

import sys
from pathlib import Path

from rig.addresses import FAMILIES, HTTP_PORT, Pod, endpoint
from rig.netns import Namespace
from rig.process import Process
from rig.registry import Registry

NGINX_PORT = 8081
HAPROXY_PORT = 8082
IPERF_PORT = 5201
# These expect a PROXY header.
PROXIED_HTTP_PORT = 8083
PROXIED_NGINX_PORT = 8084
PROXIED_GREETER_PORT = 8085
GREETER_PORT = 8086
_GREETER = Path(__file__).with_name("greeter.py")

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

_PROXIED_NGINX = """\
daemon off;
user root;
worker_processes 1;
pid @pid@;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    server {
        @listen@
        root @root@;
        set $client "$proxy_protocol_addr $proxy_protocol_port";
        location = /who {
            return 200 "$client $proxy_protocol_server_addr $proxy_protocol_server_port\\n";
        }
    }
}
"""

_PROXIED_HAPROXY = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend http
    @http@
    acl who path /who
    http-request return content-type text/plain lf-string "@ends@\\n" if who
    default_backend pod
backend pod
    server one @pod@
frontend greeter
    mode tcp
    @greeting@
    default_backend greeter
backend greeter
    mode tcp
    server one @greeter@ send-proxy
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


def proxied_nginx(registry: Registry, namespace: Namespace, pod: Pod, root: Path) -> Process:
    """Start nginx on the files below `root`; /who is both ends that the PROXY header tells."""
    port = PROXIED_NGINX_PORT
    listen = " ".join(f"listen {endpoint(pod.at(f), port)} proxy_protocol;" for f in FAMILIES)
    words = {"pid": f"{registry.directory}/{pod.name}-proxied-nginx.pid", "listen": listen}
    words["root"] = str(root)
    config = _written(registry, f"{pod.name}-proxied-nginx.conf", _PROXIED_NGINX, words)
    return Process(registry, namespace, f"{pod.name}-proxied-nginx", ["nginx", "-c", str(config)])


def proxied_haproxy(registry: Registry, namespace: Namespace, pod: Pod) -> Process:
    """Start haproxy before the pod's HTTP server and before its greeter."""
    words = {"pod": endpoint(pod.address, HTTP_PORT)}
    words["ends"] = "%[src] %[src_port] %[dst] %[dst_port]"
    words["greeter"] = endpoint(pod.address, GREETER_PORT)
    for name, port in (("http", PROXIED_HTTP_PORT), ("greeting", PROXIED_GREETER_PORT)):
        binds = (f"bind {endpoint(pod.at(f), port)} accept-proxy" for f in FAMILIES)
        words[name] = "\n    ".join(binds)
    config = _written(registry, f"{pod.name}-proxied-haproxy.cfg", _PROXIED_HAPROXY, words)
    argv = ["haproxy", "-db", "-f", str(config)]
    return Process(registry, namespace, f"{pod.name}-proxied-haproxy", argv)


def greeter(registry: Registry, namespace: Namespace, pod: Pod) -> Process:
    """Start a server that speaks first, with the client's address in a PROXY header, version 1."""
    argv = [sys.executable, str(_GREETER), *(pod.at(f) for f in FAMILIES)]
    return Process(registry, namespace, f"{pod.name}-greeter", [*argv, str(GREETER_PORT)])


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
