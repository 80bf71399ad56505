# SPDX-License-Identifier: BSD-3-Clause
"""A server in place of a pod's that takes connections and resets each when it has a request."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rig.addresses import HTTP_PORT, Pod
from rig.netns import Namespace

_PATIENCE_S = 2.0
# What a socket that is closed has not sent is thrown away, and its peer gets an RST.
_AT_ONCE = struct.pack("ii", 1, 0)


@contextmanager
def resetting(namespace: Namespace, pod: Pod) -> Iterator[None]:
    """Have it serve at the pod's IPv4 address, in the pod's namespace, until the block ends."""
    at = (pod.address, HTTP_PORT)
    listener = namespace.call(lambda: socket.create_server(at, backlog=1024))
    served = namespace.start(lambda: _serve(listener))
    try:
        yield
    finally:
        # Its thread waits in accept(), which a mere close() would not end.
        listener.shutdown(socket.SHUT_RDWR)
        served.result(2 * _PATIENCE_S)
        listener.close()


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            talk, _ = listener.accept()
        except OSError:
            return
        with talk, suppress(OSError):
            talk.settimeout(_PATIENCE_S)
            talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            talk.recv(65536)
