# SPDX-License-Identifier: BSD-3-Clause
"""When a certificate ends: Python's ssl tells that of a peer's, but not of one's own.

Only so much of DER (X.690) is read as stands before it in a certificate (RFC 5280, 4.1), which
OpenSSL has taken already.
"""

import ssl
from datetime import UTC, datetime

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17


def end_of(path: str) -> float | None:
    """Return when the first certificate of a PEM file ends, in seconds since 1970.

    None: it cannot be told.
    """
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read()
        first = text[text.index(_BEGIN) : text.index(_END) + len(_END)]
        return _not_after(ssl.PEM_cert_to_DER_cert(first))
    except (OSError, ValueError, IndexError):
        return None


def _not_after(der: bytes) -> float:
    _, whole, _ = _value(der)
    _, signed, _ = _value(whole)
    tag, _, rest = _value(signed)
    # The version may be left out; then come serial number, algorithm and issuer.
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _value(rest)
    _, validity, _ = _value(rest)
    _, _, rest = _value(validity)
    tag, text, _ = _value(rest)
    # A UTCTime has two digits of the year, of which those from 50 on are of the last century.
    words = text.decode("ascii")
    if tag == _UTC_TIME:
        words = ("19" if words >= "50" else "20") + words
    return datetime.strptime(words, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _value(der: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and the content of the value at the beginning, and what is behind it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return tag, der[start : start + length], der[start + length :]
