# SPDX-License-Identifier: BSD-3-Clause
"""The way to an slb-agent over TLS 1.3, with nothing but the standard library."""

import errno
import os
import ssl
import stat
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from slb.api.unix_http import Bounded
from slb.errors import ConfigError

# What the other side's alerts mean for who sits here.
ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate; give --cert and --key",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of the certificate in --cert",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the certificate in --cert is over; renew it",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take the certificate in --cert",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "the certificate in --cert is not one of a client",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it does not speak TLS 1.3",
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS 1.3",
    "UNEXPECTED_EOF_WHILE_READING": "it ended the connection; more are open than it takes",
}

# What is to be done about the agent's certificate, by OpenSSL's X509_V_ERR; else it is the CA.
OF_CERTIFICATE = {
    9: "is the clock of this host right?",
    10: "renew it there",
    62: "--url must have one of its names",
    64: "--url must have one of its names",
}


@dataclass(frozen=True)
class Https:
    """An agent's URL, and what shows who asks; `ca` None: the host's own CAs."""

    url: str
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The token."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def connection(self, timeout_s: float, max_octets: int) -> HTTPConnection:
        """Return a connection of these bounds, not made yet; raises ConfigError."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None, "it is checked"
        return _TlsConnection(
            parts.hostname, parts.port or 443, self._context(), timeout_s, max_octets
        )

    def __str__(self) -> str:
        return self.url

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise _unusable("--ca", self.ca, error) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.sslsocket_class = _BoundedTls
        if self.certificate is not None:
            try:
                # Nobody may be there to be asked for a password.
                context.load_cert_chain(self.certificate, self.key, password="")
            except OSError as error:
                without = "" if self.key else "; is its key in it? Else give --key"
                raise _unusable("--cert", self.certificate, error, without) from None
        return context


def check_url(url: str) -> str:
    """Return the URL of an agent; raises ConfigError."""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ConfigError([f"--url {url}: is no URL of an agent; write https://HOST:PORT"])
    return url


def read_token(path: str) -> str:
    """Read the file of a token; raises ConfigError."""
    try:
        with open(path, encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            token = file.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("--token-file", path, error) from None
    if mode & 0o007:
        text = f"everybody may use it (mode {mode:04o}); chmod 0600 it"
        raise ConfigError([f"--token-file {path}: {text}"])
    if not token or not token.isprintable() or " " in token:
        raise ConfigError([f"--token-file {path}: holds no token; 'slbctl token new' makes one"])
    return token


# The two call the parameters of recv_into() differently, which nobody names.
class _BoundedTls(Bounded, ssl.SSLSocket):  # type: ignore[misc]
    """A TLS connection that is read from within bounds."""


class _TlsConnection(HTTPSConnection):
    def __init__(
        self,
        host: str,
        port: int,
        context: ssl.SSLContext,
        timeout_s: float,
        max_octets: int,
    ) -> None:
        super().__init__(host, port, timeout=timeout_s, context=context)
        self._bounds = timeout_s, max_octets

    def connect(self) -> None:
        """Connect; raises OSError, which says in a sentence what is wrong with TLS."""
        try:
            super().connect()
        except ssl.SSLError as error:
            raise _explained(error) from None
        assert isinstance(self.sock, _BoundedTls)
        self.sock.bound(*self._bounds)

    def getresponse(self) -> HTTPResponse:
        """Read the answer's header; here is where a refused certificate shows."""
        try:
            return super().getresponse()
        except ssl.SSLError as error:
            raise _explained(error) from None


def _explained(error: ssl.SSLError) -> OSError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        hint = OF_CERTIFICATE.get(error.verify_code, "is its CA in --ca?")
        text = f"its certificate does not count ({why}); {hint}"
    else:
        reason = error.reason or "unknown"
        text = ALERTS.get(reason, f"TLS failed: {reason.lower().replace('_', ' ')}")
    return OSError(errno.EPROTO, text)


def _unusable(option: str, path: str | None, error: Exception, hint: str = "") -> ConfigError:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "unreadable").lower().replace("_", " ")
        return ConfigError([f"{option} {path}: is not what it should be, in PEM: {reason}{hint}"])
    reason = getattr(error, "strerror", None) or "not a text"
    return ConfigError([f"{option} {path}: cannot be read: {reason}"])
