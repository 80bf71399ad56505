# SPDX-License-Identifier: BSD-3-Clause
"""A server that speaks first: it greets a client by its address, then sends back what it says.

It stands behind a proxy that tells the address by a PROXY header of version 1, a line of text.
"""

import contextlib
import socket
import sys
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Greets(StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Greet, then echo until the client has nothing more to say."""
        words = self.rfile.readline().decode().split()
        if words[:1] != ["PROXY"]:
            return
        with contextlib.suppress(OSError):
            self.wfile.write(f"hello {words[2]} {words[4]}\n".encode())
            for line in self.rfile:
                self.wfile.write(line)


class Server(ThreadingTCPServer):
    """At one address."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Greets)


def main() -> None:
    """Serve until killed, at the addresses given and the port behind them."""
    *addresses, port = sys.argv[1:]
    servers = [Server(address, int(port)) for address in addresses]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
