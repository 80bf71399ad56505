# SPDX-License-Identifier: BSD-3-Clause
"""slbctl and an agent over TLS: what it does, and what it says when that cannot be."""

import os
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.running_agent import FIRST, RunningAgent
from unit.secure_agent import OPS, VIEWER, Place, running
from unit.slbctl_run import Result, failure, slbctl

from rig.certificates import Authority

pytest_plugins = ["unit.daemon_fixture", "unit.secure_fixture"]

VS = "10.96.0.7:80/tcp"


def over(place: Place, *words: str, port: int = 0, ca: Path | None = None) -> Result:
    """Runs slbctl against the agent's TCP address."""
    url = f"https://127.0.0.1:{port or place.port}"
    ca = ca or place.server_ca.certificate
    return slbctl(None, "--url", url, "--ca", str(ca), *words)


def as_client(place: Place, identity: str, days: int = 1) -> tuple[str, ...]:
    """The options of a client with a certificate of that name."""
    pair = place.client("client", identity, days)
    return ("--cert", str(pair.certificate), "--key", str(pair.key))


def test_an_operator_elsewhere(place: Place, secure: RunningAgent, tmp_path: Path) -> None:
    ops = as_client(place, OPS)
    assert over(place, *ops, "vs", "add", VS).status == 0
    shown = over(place, *ops, "vs", "list", "--json").json["items"]
    assert [row["vs"] for row in shown] == [FIRST, VS]
    token = tmp_path / "token"
    token.write_text(place.tokens["viewer"] + "\n")
    token.chmod(0o600)
    lines = over(place, "--token-file", str(token), "services").lines
    assert lines[1].startswith(f"{FIRST} operator applied")


def test_what_the_agent_refuses(place: Place, secure: RunningAgent) -> None:
    line = failure(over(place, *as_client(place, VIEWER), "vs", "add", VS), 1)
    assert line == f"{VIEWER} may only read"
    line = failure(over(place, "vs", "list"), 1)
    assert line == "nobody knows who asks; show a bearer token or a client certificate"


def test_what_tls_refuses(place: Place, secure: RunningAgent, tmp_path: Path) -> None:
    at = f"no slb-agent at https://127.0.0.1:{place.port}: "
    other = Authority(tmp_path / "other")
    line = failure(over(place, "vs", "list", ca=other.certificate), 3)
    assert line.startswith(f"{at}its certificate does not count (") and "--ca" in line
    line = failure(over(place, *as_client(place, OPS, -1), "vs", "list"), 3)
    assert line == f"{at}the certificate in --cert is over; renew it"
    alone = as_client(place, OPS)[:2]
    line = failure(over(place, *alone, "vs", "list"), 2)
    assert line.endswith("in PEM: unreadable; is its key in it? Else give --key")
    pair = other.issue("forged", OPS)
    forged = ("--cert", str(pair.certificate), "--key", str(pair.key))
    line = failure(over(place, *forged, "vs", "list"), 3)
    assert line == f"{at}it does not know the CA of the certificate in --cert"


@pytest.mark.parametrize(
    ("names", "days", "hint"),
    [("IP:127.0.0.1", -1, "renew it there"), ("DNS:lb1", 1, "--url must have one of its names")],
)
def test_a_certificate_of_the_agents_that_does_not_count(
    place: Place, daemon: FakeDaemon, names: str, days: int, hint: str
) -> None:
    pair = place.server_ca.issue("another", names, days)
    place.write(tls={"certificate": str(pair.certificate), "key": str(pair.key)}, clients=None)
    with running(place, daemon.socket):
        assert failure(over(place, "vs", "list"), 3).endswith(f"); {hint}")


def test_nobody_there(place: Place) -> None:
    line = failure(over(place, "vs", "list"), 3)
    assert line.endswith(f":{place.port}: nobody listens there; is slb-agent running?")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--url", "http://a"), 2, "--url http://a: is no URL of an agent; write https://HOST:P"),
        (("--url", "https://a/v1"), 2, "--url https://a/v1: is no URL of an agent"),
        (("--url", "https://a:99999"), 2, "--url https://a:99999: is no URL of an agent"),
        (("--url", "https://a", "--ca", "/none"), 2, "--ca /none: cannot be read: No such file"),
        (("--url", "https://a", "--cert", "/none"), 2, "--cert /none: cannot be read: No such"),
        (("--url", "https://a", "--cert", os.devnull), 2, "--cert /dev/null: is not what it"),
        (("--url", "https://a", "--token-file", "/none"), 2, "--token-file /none: cannot be read"),
        (("--cert", "/none"), 2, "--cert is for --url alone"),
    ],
)
def test_wrong_options(words: tuple[str, ...], status: int, said: str) -> None:
    assert failure(slbctl(None, *words, "vs", "list"), status).startswith(said)


def test_a_token_that_everybody_may_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("slb_x")
    token.chmod(0o644)
    words = ("--url", "https://a", "--token-file", str(token), "vs", "list")
    assert "everybody may use it (mode 0644); chmod 0600 it" in failure(slbctl(None, *words), 2)
