# SPDX-License-Identifier: BSD-3-Clause
"""The program of one pod: an HTTP server, a UDP echo service and a DNS responder that say its name.

    GET /            the name
    GET /bytes/N     N bytes, the same for every pod
    POST /upload     the number of bytes received and their SHA-256
    UDP echo         "<name> <payload>"; "repeat N" is answered with N datagrams "<name> 0" ...
    DNS              TXT: the name, A and AAAA: the addresses

Everything is served at both addresses.
The HTTP server is threaded and blocking, because it must go on sending to a client that has closed
its own half of the connection.
"""

import argparse
import hashlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rig import dns
from rig.addresses import DNS_PORT, ECHO_PORT, HTTP_PORT
from rig.payload import chunks


class Pages(BaseHTTPRequestHandler):
    """Answers the three requests; keep-alive as HTTP/1.1 has it."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one segment and wait for nobody's ACK.
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        """Send the name or as many bytes as asked for."""
        if self.path.startswith("/bytes/"):
            size = int(self.path.removeprefix("/bytes/"))
            self._send(size, chunks(size))
        else:
            body = f"{self.server.pod}\n".encode()
            self._send(len(body), iter([body]))

    def do_POST(self) -> None:
        """Read the body and tell what arrived."""
        left = int(self.headers["Content-Length"])
        digest, received = hashlib.sha256(), 0
        while left > received and (data := self.rfile.read(min(65536, left - received))):
            digest.update(data)
            received += len(data)
        body = f"{received} {digest.hexdigest()}\n".encode()
        self._send(len(body), iter([body]))

    def _send(self, size: int, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("Server-Name", self.server.pod)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing about requests; errors still reach standard error."""


class Server(ThreadingHTTPServer):
    """The HTTP server, ready for many connections at once."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, pod: str, address: str) -> None:
        """Listen at an address of the pod."""
        self.address_family = _family(address)
        super().__init__((address, HTTP_PORT), Pages)
        self.pod = pod

    def server_bind(self) -> None:
        """Bind without asking a name server, which the pod does not have, for its own name."""
        TCPServer.server_bind(self)


def serve_udp(address: str, port: int, reply: Callable[[bytes], list[bytes]]) -> None:
    """Answer datagrams for ever."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind((address, port))
        while True:
            packet, sender = server.recvfrom(65535)
            for datagram in reply(packet):
                server.sendto(datagram, sender)


def echo(name: str, packet: bytes) -> list[bytes]:
    """The datagrams that answer an echo request."""
    word, _, count = packet.partition(b" ")
    if word == b"repeat" and count.isdigit():
        return [f"{name} {number}".encode() for number in range(int(count))]
    return [f"{name} ".encode() + packet]


def resolve(name: str, addresses: list[str], packet: bytes) -> list[bytes]:
    """The reply to a DNS query; none to anything else."""
    try:
        return [dns.answer(dns.question(packet), name, addresses)]
    except ValueError:
        return []


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("addresses", nargs="+")
    pod = parser.parse_args()
    replies: dict[int, Callable[[bytes], list[bytes]]] = {
        ECHO_PORT: lambda packet: echo(pod.name, packet),
        DNS_PORT: lambda packet: resolve(pod.name, pod.addresses, packet),
    }
    threads = [
        threading.Thread(target=serve_udp, args=(address, port, reply), daemon=True)
        for address in pod.addresses
        for port, reply in replies.items()
    ]
    threads += [
        threading.Thread(target=Server(pod.name, address).serve_forever)
        for address in pod.addresses
    ]
    for thread in threads:
        thread.start()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


if __name__ == "__main__":
    main()
