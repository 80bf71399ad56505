# SPDX-License-Identifier: BSD-3-Clause
"""Secrets live in files of their own that nobody but their owner may read."""

import os
import stat

from slb.errors import ConfigError

MAX_BYTES = 255


def read(path: str) -> str:
    """Return the secret in a file, without the end of its line; raises ConfigError.

    No error shows any of what the file holds.
    """
    try:
        # A FIFO would keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            raw = os.read(descriptor, MAX_BYTES + 3) if stat.S_ISREG(mode) else b""
        finally:
            os.close(descriptor)
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}; put the secret there"
        raise ConfigError([text]) from None
    if not stat.S_ISREG(mode):
        raise ConfigError([f"{path} is no file; put the secret into one of mode 0600"])
    if mode & 0o077:
        text = f"{path} can be read by others (mode {stat.S_IMODE(mode):04o})"
        raise ConfigError([f"{text}; chmod 600 it, and choose another secret"])
    secret = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not 1 <= len(secret) <= MAX_BYTES:
        text = f"{path} holds no secret of 1 to {MAX_BYTES} characters"
        raise ConfigError([f"{text}; write it on one line"])
    if not all(0x21 <= octet <= 0x7E and octet != ord('"') for octet in secret):
        text = f'{path} holds more than printable ASCII without blanks and "'
        raise ConfigError([f"{text}; choose another secret"])
    return secret.decode("ascii")
