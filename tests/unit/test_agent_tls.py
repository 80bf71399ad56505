# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent over TCP: who is let in, and who may do what."""

import contextlib
import logging
import shutil
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, PATIENCE_S, RunningAgent
from unit.secure_agent import CONTROLLER, OPS, VIEWER, Place, ask_on, running

from rig.certificates import Authority, Pair
from rig.waiting import wait
from slb.agent.tls import is_over
from slb.api.tokens import new_token
from slb.errors import ConfigError

pytest_plugins = ["unit.daemon_fixture", "unit.secure_fixture"]

FILES = {"certificate": "pem", "key": "key"}
NEW = {"vs": "10.96.0.7:80/tcp", "rs": [{"rs": "10.10.0.1:8080"}]}
SNAPSHOT = {"epoch": 1, "generation": 1, "services": [NEW]}


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What is closed behind the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def pair(place: Place, identity: str) -> Pair:
    """A certificate with that name."""
    return place.client("client", identity)


def test_a_certificate_says_who_asks_and_what_they_may(place: Place, secure: RunningAgent) -> None:
    ops, viewer, k8s = (
        place.client(str(n), name) for n, name in enumerate((OPS, VIEWER, CONTROLLER))
    )
    assert place.ask("POST", "/vs", NEW, pair=ops).status == 201
    assert place.ask("GET", "/vs", pair=viewer).body["items"][0]["vs"] == FIRST
    refused = place.ask("DELETE", "/vs/10.96.0.7:80%2Ftcp", pair=viewer)
    assert (refused.status, refused.body["error"]["code"]) == (403, "forbidden")
    assert refused.message == f"{VIEWER} may only read"
    refused = place.ask("DELETE", "/vs/10.96.0.7:80%2Ftcp", pair=k8s)
    assert refused.status == 403
    assert refused.message == f"{CONTROLLER} may write only what is controller's, not operator's"
    assert {str(one.vs) for one in secure.client.export().services} == {FIRST, NEW["vs"]}


def test_a_token_says_it_as_well(place: Place, secure: RunningAgent) -> None:
    tokens = place.tokens
    put = {**SNAPSHOT, "owner": "controller"}
    assert place.ask("PUT", "/state", put, token=tokens["controller"]).status == 200
    refused = place.ask("PUT", "/state", {**put, "owner": "other"}, token=tokens["controller"])
    assert refused.status == 403
    assert refused.message == "token controller may write only what is controller's, not other's"
    assert place.ask("PUT", "/state", put, token=tokens["viewer"]).status == 403
    assert place.ask("GET", "/status", token=tokens["viewer"]).body["slbd"] == "applied"
    for method, path in (("PATCH", "/workers"), ("POST", "/laddr"), ("POST", "/rollback")):
        assert place.ask(method, path, {}, token=tokens["controller"]).status == 403


def test_who_shows_nothing_or_the_wrong_thing(place: Place, secure: RunningAgent) -> None:
    nothing = place.ask("GET", "/vs")
    assert (nothing.status, nothing.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert nothing.message == "nobody knows who asks; show a bearer token or a client certificate"
    for token in (new_token(), "", "slb_short", place.tokens["viewer"] + "x"):
        wrong = place.ask("GET", "/vs", token=token)
        assert wrong.status == 401
        assert wrong.message == "the token is not one of those in the agent's configuration"
    stranger = place.ask("GET", "/vs", pair=pair(place, "DNS:who.example.net"))
    assert stranger.status == 401
    assert "no name of the certificate (DNS:who.example.net) is among the clients" in (
        stranger.message
    )
    assert place.ask("GET", "/nowhere").status == 401, "nothing is told of what is there"


def test_a_wrong_token_is_not_mended_by_a_good_certificate(
    place: Place, secure: RunningAgent
) -> None:
    assert place.ask("GET", "/vs", pair=pair(place, OPS), token=new_token()).status == 401


def test_certificates_that_do_not_count(place: Place, secure: RunningAgent, tmp_path: Path) -> None:
    others = Authority(tmp_path / "others").issue("forged", OPS)
    for wrong, said in ((others, "UNKNOWN_CA"), (place.client("old", OPS, -1), "EXPIRED")):
        with pytest.raises(ssl.SSLError, match=said):
            place.ask("GET", "/vs", pair=wrong)


def test_tls_1_2_is_refused(place: Place, secure: RunningAgent) -> None:
    context = place.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        place.ask("GET", "/vs", token=place.tokens["viewer"], context=context)


def test_the_unix_socket_is_as_it_was(place: Place, secure: RunningAgent) -> None:
    assert [view.vs for view in secure.client.vs_list()] == [FIRST]


def test_changed_files_are_read_again(
    place: Place, secure: RunningAgent, stack: contextlib.ExitStack
) -> None:
    """A connection made before ends, and the next one shows its certificate to what counts now."""
    viewer = place.client("viewer", VIEWER)
    assert secure.secure is not None
    first = secure.secure.context
    before = stack.enter_context(contextlib.closing(place.connect(viewer)))
    assert ask_on(before, "GET", "/vs").status == 200
    renewed = Authority(place.folder / "new-ca")
    place.write(
        tls={
            "certificate": str(place.folder / "tls/server.pem"),
            "key": str(place.folder / "tls/server.key"),
            "client_ca": str(renewed.certificate),
        }
    )
    wait(lambda: secure.secure and secure.secure.context is not first, PATIENCE_S, "reload")
    with pytest.raises((HTTPException, OSError)):
        ask_on(before, "GET", "/vs")
    with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
        place.ask("GET", "/vs", pair=viewer)
    assert place.ask("GET", "/vs", pair=renewed.issue("viewer", VIEWER)).status == 200


def test_a_renewed_certificate_disturbs_nobody(
    place: Place, secure: RunningAgent, stack: contextlib.ExitStack
) -> None:
    """Who was let in stays, since nothing has changed about that; the next one sees the new one."""
    assert secure.secure is not None
    viewer, first = place.client("viewer", VIEWER), secure.secure.context
    before = stack.enter_context(contextlib.closing(place.connect(viewer)))
    assert ask_on(before, "GET", "/vs").status == 200
    shown = before.sock.getpeercert(True)
    place.server_ca.issue("server", "IP:127.0.0.1")
    for end in FILES.values():
        shutil.copy(place.server_ca.certificate.parent / f"server.{end}", place.folder / "tls")
    wait(lambda: secure.secure and secure.secure.context is not first, PATIENCE_S, "reload")
    assert ask_on(before, "GET", "/vs").status == 200
    after = stack.enter_context(contextlib.closing(place.connect(viewer)))
    assert ask_on(after, "GET", "/vs").status == 200
    assert after.sock.getpeercert(True) != shown == before.sock.getpeercert(True)


def test_a_token_that_is_taken_away(place: Place, secure: RunningAgent) -> None:
    token = place.tokens["viewer"]
    assert place.ask("GET", "/vs", token=token).status == 200
    del place.tokens["viewer"]
    place.write()
    wait(lambda: secure.secure and len(secure.secure.config.tokens) == 2, PATIENCE_S, "reload")
    assert place.ask("GET", "/vs", token=token).status == 401


def test_a_wrong_file_changes_nothing(
    place: Place, secure: RunningAgent, caplog: pytest.LogCaptureFixture
) -> None:
    key = place.folder / "tls/server.key"
    good = key.read_bytes()
    key.write_text("no key")
    with caplog.at_level(logging.ERROR):
        wait(lambda: "stays in force" in caplog.text, PATIENCE_S, "the broken key is seen")
        assert f"tls.certificate {place.folder}/tls/server.pem: is no certificate" in caplog.text
        assert place.ask("GET", "/vs", token=place.tokens["viewer"]).status == 200
        key.write_bytes(good)
        place.config.write_text("listen: 5\n")
        wait(lambda: "agent.yaml:1: listen: 5 is not valid" in caplog.text, PATIENCE_S, "that too")
    assert place.ask("GET", "/vs", token=place.tokens["viewer"]).status == 200
    assert not any(token in caplog.text for token in place.tokens.values())


def test_a_file_that_was_missing_is_seen_when_it_comes(
    place: Place, secure: RunningAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """Though the configuration that names it was not taken before."""
    assert secure.secure is not None
    first = secure.secure.context
    tls = {name: str(place.folder / f"tls/new.{end}") for name, end in FILES.items()}
    place.write(tls={**tls, "client_ca": str(place.clients_ca.certificate)})
    wait(lambda: f"tls.key {tls['key']}: cannot be read" in caplog.text, PATIENCE_S, "the error")
    for end in FILES.values():
        shutil.copy(place.folder / f"tls/server.{end}", place.folder / f"tls/new.{end}")
    wait(lambda: secure.secure and secure.secure.context is not first, PATIENCE_S, "reload")
    assert place.ask("GET", "/vs", token=place.tokens["viewer"]).status == 200


def test_a_certificate_ends_on_its_day() -> None:
    certificate: dict[str, object] = {"notAfter": "Nov 28 10:00:00 2026 GMT"}
    ends = datetime(2026, 11, 28, 10, tzinfo=UTC).timestamp()
    assert [is_over(certificate, ends + seconds) for seconds in (-1, 1)] == [False, True]


def test_an_address_that_cannot_be_had(place: Place, daemon: FakeDaemon) -> None:
    with running(place, daemon.socket):
        second = Place(
            place.folder / "second", place.clients_ca, place.server_ca, place.port, place.tokens
        )
        shutil.copytree(place.folder / "tls", second.folder / "tls")
        second.write()
        with pytest.raises(ConfigError, match=r"listen\[0\] 127.0.0.1:\d+: cannot be had: Address"):
            running(second, daemon.socket).__enter__()


def test_other_addresses_need_a_restart(
    place: Place, secure: RunningAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """What else the file says counts at once."""
    token = place.tokens.pop("viewer")
    place.write(listen=[f"127.0.0.2:{place.port}"])
    text = f"{place.config}: listen: needs a restart"
    wait(lambda: text in caplog.text, PATIENCE_S, "the warning")
    assert place.ask("GET", "/vs", token=token).status == 401
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", place.port), 1)


def test_a_key_that_everybody_may_read(place: Place, daemon: FakeDaemon) -> None:
    (place.folder / "tls/server.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"everybody may use it \(mode 0644\); chmod 0600 it"):
        running(place, daemon.socket).__enter__()
