# SPDX-License-Identifier: BSD-3-Clause
"""More servers of one pod: HTTPS, gRPC's health service over TLS, and DNS over TCP.

HTTPS answers with the pod's name and keeps connections; gRPC says SERVING; DNS is as in pod_server.
"""

import argparse
import asyncio
import ssl
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rig import dns
from rig.addresses import DNS_PORT, GRPC_PORT, HTTPS_PORT
from rig.grpc_health import GrpcHealth


class Servers:
    """What each connection gets, until its client ends it."""

    def __init__(self, name: str, address: str) -> None:
        self._name = name
        self._address = address

    async def pages(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests that have no body."""
        body = f"{self._name}\n".encode()
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async def health(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say of every service that it serves."""
        health = GrpcHealth()
        writer.write(health.begin())
        while text := await reader.read(4096):
            writer.write(health.answer(text))

    async def names(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer queries."""
        while size := int.from_bytes(await reader.readexactly(2)):
            question = dns.question(await reader.readexactly(size))
            answer = dns.answer(question, self._name, [self._address])
            writer.write(len(answer).to_bytes(2) + answer)


async def serve(name: str, address: str, certificate: str, key: str) -> None:
    """Serve until killed."""
    # Who checks ends connections by an RST.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    servers = Servers(name, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    await asyncio.start_server(servers.pages, address, HTTPS_PORT, ssl=context)
    await asyncio.start_server(servers.names, address, DNS_PORT)
    grpc = await asyncio.start_server(servers.health, address, GRPC_PORT, ssl=context)
    await grpc.serve_forever()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    for word in ("name", "address", "certificate", "key"):
        parser.add_argument(word)
    words = parser.parse_args()
    asyncio.run(serve(words.name, words.address, words.certificate, words.key))


if __name__ == "__main__":
    main()
