# SPDX-License-Identifier: BSD-3-Clause
"""The agent's side of TLS: version 1.3 alone, and which certificates of clients count."""

import os
import ssl
import stat
from typing import Any

from slb.errors import ConfigError
from slb.model.agent_config import AgentConfig, Tls


class HandshakeFailed(ssl.SSLError):
    """A handshake came to nothing; `alert` is what the other side is still to be told."""

    def __init__(self, why: ssl.SSLError, alert: bytes) -> None:
        super().__init__(*why.args)
        self.why = (why.reason or str(why)).lower().replace("_", " ")
        self.alert = alert


class _Connection(ssl.SSLObject):
    """Keeps the alert of a failed handshake, which asyncio would throw away unsent."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """Go on with the handshake; raises HandshakeFailed."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            raise HandshakeFailed(error, self.outgoing.read()) from None


class _Context(ssl.SSLContext):
    """Makes connections of that kind."""

    sslobject_class = _Connection

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any
    ) -> ssl.SSLObject:
        """Make the state of a connection, as asyncio asks for it."""
        made = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        assert isinstance(made, _Connection)
        made.outgoing = outgoing
        return made


def make_context(config: AgentConfig) -> ssl.SSLContext:
    """Return a context made of the files that the config names; raises ConfigError."""
    tls = config.tls
    assert tls is not None, "checked with the config"
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A session that is resumed would outlive the certificates that it was begun with.
    context.num_tickets = 0
    _check_key(tls)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except ssl.SSLError as error:
        text = f"is no certificate with the key {tls.key} in PEM: {_reason(error)}"
        raise _wrong("certificate", tls.certificate, text) from None
    except (OSError, ValueError) as error:
        raise _wrong("certificate", tls.certificate, f"cannot be used: {error}") from None
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(cafile=tls.client_ca)
        except ssl.SSLError as error:
            text = f"holds no certificates in PEM: {_reason(error)}"
            raise _wrong("client_ca", tls.client_ca, text) from None
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            raise _wrong("client_ca", tls.client_ca, text) from None
        # Who has a token needs no certificate.
        context.verify_mode = ssl.CERT_OPTIONAL if config.tokens else ssl.CERT_REQUIRED
    return context


def names(certificate: dict[str, object]) -> list[str]:
    """Return the names in a client's certificate, as agent.yaml writes them."""
    found = certificate.get("subjectAltName", ())
    assert isinstance(found, tuple)
    return [f"{kind}:{value}" for kind, value in found if kind in ("DNS", "URI")]


def is_over(certificate: dict[str, object], now: float) -> bool:
    """Tell whether a certificate has ended, which it may have while its connection went on."""
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) < now


def _check_key(tls: Tls) -> None:
    try:
        with open(tls.key, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        raise _wrong("key", tls.key, f"cannot be read: {error.strerror}") from None
    if mode & 0o007:
        raise _wrong("key", tls.key, f"everybody may use it (mode {mode:04o}); chmod 0600 it")
    try:
        open(tls.certificate, "rb").close()
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        raise _wrong("certificate", tls.certificate, text) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to give its password")


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "unreadable").lower().replace("_", " ")


def _wrong(key: str, path: str, text: str) -> ConfigError:
    return ConfigError([f"tls.{key} {path}: {text}"])
