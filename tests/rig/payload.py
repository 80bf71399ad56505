# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that both ends of a transfer can make and compare."""

import hashlib
import random
from collections.abc import Iterator

# Not a power of two long, so that a lost or doubled segment shows.
_PATTERN = random.Random(7).randbytes(65521)


def chunks(size: int) -> Iterator[bytes]:
    """The first `size` bytes of the endless pattern."""
    while size > 0:
        yield _PATTERN[:size]
        size -= len(_PATTERN)


def data(size: int) -> bytes:
    """The first `size` bytes in one piece."""
    return b"".join(chunks(size))


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
