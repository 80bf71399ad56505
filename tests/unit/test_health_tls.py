# SPDX-License-Identifier: BSD-3-Clause
"""Checks by TLS: HTTPS and gRPC, certificates, ALPN, and handshakes made short."""

import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from unit.health_servers import (
    OK,
    ONCE,
    by_tls,
    checked,
    health_of_grpc,
    once,
    saying,
    serving,
)

from rig.certificates import Authority
from slb.health import dial
from slb.model.health import Check, GrpcsCheck, HttpsCheck

FAST = {"interval_s": 0.3, "timeout_s": 0.3, "rise": 1, "fall": 1}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody has signed, and its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    words += f" -subj /CN=www.example.org -keyout {file} -out {file}.cert"
    subprocess.run(words.split(), check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.cert").read_text())
    return file


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    """A server's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def test_https(context: ssl.SSLContext) -> None:
    with serving(by_tls(context, saying(OK))) as port:
        assert once(HttpsCheck(body="ok", **ONCE), port) == ("up", "")
        state, reason = once(HttpsCheck(verify=True, host="www.example.org", **ONCE), port)
        assert state == "down" and reason.startswith("TLS: ")
    with serving(saying(OK)) as port:
        assert once(HttpsCheck(**ONCE), port)[1].startswith("TLS: ")
    with serving(lambda connection: None) as port:
        assert once(HttpsCheck(**ONCE), port)[0] == "down"


@pytest.mark.parametrize("kind", [HttpsCheck, GrpcsCheck])
def test_a_certificate_that_must_be_good(
    kind: type[HttpsCheck | GrpcsCheck], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("rs", "DNS:www.example.org")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.set_alpn_protocols(["h2"])
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    dial.context.cache_clear()
    with serving(by_tls(context, saying(OK) if kind is HttpsCheck else health_of_grpc([]))) as port:
        assert once(kind(verify=True, host="www.example.org", **ONCE), port) == ("up", "")
        reason = once(kind(verify=True, host="www.example.net", **ONCE), port)[1]
        assert reason.startswith("TLS: CERTIFICATE_VERIFY_FAILED")
    dial.context.cache_clear()


def test_grpc_by_tls(context: ssl.SSLContext) -> None:
    asked: list[bytes] = []
    heads: list[Mapping[str, str]] = []
    answer = by_tls(context, health_of_grpc(asked, heads=heads))
    with serving(answer) as port:
        reason = once(GrpcsCheck(**ONCE), port)[1]
        assert reason == "TLS: the server does not agree on h2 (ALPN)"
        assert asked == []
        context.set_alpn_protocols(["h2", "http/1.1"])
        assert once(GrpcsCheck(service="a", **ONCE), port) == ("up", "")
        assert asked == [b"\0\0\0\0\3\x0a\1a"]
        assert (heads[0][":scheme"], heads[0][":authority"]) == ("https", f"127.0.0.1:{port}")
        once(GrpcsCheck(host="www.example.org", **ONCE), port)
        assert heads[-1][":authority"] == "www.example.org"
    bad = by_tls(context, health_of_grpc([], message=b"\x08\x02"))
    with serving(bad) as port:
        assert once(GrpcsCheck(**ONCE), port) == ("down", "NOT_SERVING")
    with serving(saying(OK)) as port:
        assert once(GrpcsCheck(**ONCE), port)[1].startswith("TLS: ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("check", [HttpsCheck(**FAST), GrpcsCheck(**FAST)])
def test_a_handshake_makes_the_next_ones_short(
    context: ssl.SSLContext,
    check: Check,
    version: ssl.TLSVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a while; then comes a whole one, as after a failure."""
    short: list[bool] = []
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    say = saying(OK) if isinstance(check, HttpsCheck) else health_of_grpc([])
    refused = False

    def answer(tls: ssl.SSLSocket) -> None:
        short.append(bool(tls.session_reused))
        if not refused:
            say(tls)

    with serving(by_tls(context, answer)) as port:
        checked(check, port, lambda result: result.counts.good > 5)
        assert short[0] is False and all(short[1:]) and len(short) > 5
        short.clear()
        monkeypatch.setattr(dial, "RESUMED_S", 1.0)
        checked(check, port, lambda result: short[1:].count(False) > 1)
        # A session serves for half a second at least, and checks come every 0.3 s.
        assert any(short)
        monkeypatch.undo()
        short.clear()
        refused = True
        checked(check, port, lambda result: result.counts.bad > 3)
        assert len(short) > 3 and not any(short)


def test_tickets_without_end(context: ssl.SSLContext) -> None:
    """A server that goes on saying what is no answer is cut off, and keeps nobody waiting."""
    context.num_tickets = 5000
    with serving(by_tls(context, saying(OK))) as port:
        once_long = HttpsCheck(interval_s=5, timeout_s=4, rise=1, fall=1)
        assert once(once_long, port) == ("down", "TLS: an answer without end")
