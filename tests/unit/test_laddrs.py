# SPDX-License-Identifier: BSD-3-Clause
"""Adding and deleting local addresses: by slbctl, and by the API that it speaks."""

import json
from pathlib import Path

import pytest
from unit.fake_daemon import FakeDaemon
from unit.slbctl_run import failure, slbctl

from slb.api.unix_http import exchange

pytest_plugins = ["unit.daemon_fixture"]

USAGE, REFUSED = 2, 1


def rows(daemon: FakeDaemon) -> dict[str, str]:
    """What the engine has: addresses and their states."""
    return {row.address: row.state for row in daemon.engine.laddrs}


def test_add_and_delete(daemon: FakeDaemon) -> None:
    result = slbctl(daemon.socket, "laddr", "add", "198.18.0.9", "--port", "lan0")
    assert result.out == "local address 198.18.0.9 added to lan0 (generation 1)\n"
    words = ("198.18.0.10", "2001:DB8:18::9")
    result = slbctl(daemon.socket, "laddr", "add", *words, "--port", "lan0")
    assert result.out == (
        "local addresses 198.18.0.10, 2001:db8:18::9 added to lan0 (generation 2)\n"
    )
    assert daemon.requests[-1] == "POST /v1/laddr"
    result = slbctl(daemon.socket, "laddr", "del", "198.18.0.1", "198.18.0.9")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "local address 198.18.0.1 deleted (generation 3)\n"
        "local address 198.18.0.9 deleted (generation 4)\n"
    )
    assert rows(daemon) == {
        "198.18.0.2": "active",
        "198.18.0.10": "active",
        "2001:db8:18::9": "active",
        "198.18.0.1": "draining",
    }
    listed = slbctl(daemon.socket, "laddr", "list").lines
    assert "198.18.0.1 lan0 0 draining 117 20412 yes" in listed
    again = slbctl(daemon.socket, "laddr", "add", "198.18.0.1", "--port", "lan0")
    assert again.status == 0 and rows(daemon)["198.18.0.1"] == "active"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "add 198.18.0.1 --port lan0",
            "198.18.0.1 is a local address of port lan0 already",
        ),
        (
            "add 198.18.0.9 198.18.0.9 --port lan0",
            "198.18.0.9 is a local address of port lan0 already",
        ),
        ("add 198.18.0.9 --port lan7", "port 'lan7' does not exist; there are lan0"),
        (
            "add 10.96.0.9 --port lan0",
            "10.96.0.9 lies in the service subnet 10.96.0.0/16; keep them apart",
        ),
        (
            "add 224.0.0.9 --port lan0",
            "224.0.0.9 is a multicast address; choose another local address",
        ),
        (
            "add 10.10.0.1 --port lan0",
            "local address 10.10.0.1: the address is an RS's",
        ),
        (
            "del 198.18.0.77",
            "198.18.0.77 is no local address; 'slbctl laddr list' shows them",
        ),
    ],
)
def test_what_is_refused_is_one_line(daemon: FakeDaemon, words: str, text: str) -> None:
    daemon.engine.refused_laddrs = {"10.10.0.1"}
    before = rows(daemon)
    assert failure(slbctl(daemon.socket, "laddr", *words.split()), REFUSED) == text
    assert rows(daemon) == before


def test_the_last_one(daemon: FakeDaemon) -> None:
    assert slbctl(daemon.socket, "laddr", "del", "198.18.0.1").status == 0
    said = failure(slbctl(daemon.socket, "laddr", "del", "198.18.0.2"), REFUSED)
    assert said.startswith("worker 0 would be left without a local address")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("add 198.18.0.9", "missing option '--port' (see 'slbctl laddr add --help')"),
        ("add --port lan0", "missing argument 'ADDRESS...' (see 'slbctl laddr add --help')"),
        ("del 198.18.0", "'198.18.0' is not an address; write 192.0.2.1 or 2001:db8::1"),
    ],
)
def test_wrong_usage_sends_nothing(daemon: FakeDaemon, words: str, text: str) -> None:
    assert text in failure(slbctl(daemon.socket, "laddr", *words.split()), USAGE)
    assert daemon.requests == []


def test_an_answer_that_never_comes(tmp_path: Path) -> None:
    result = slbctl(tmp_path / "none", "laddr", "del", "198.18.0.1")
    assert "no slbd" in failure(result, 3)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/v1/laddr", b'{"port":"lan0","addresses":["x"]}', 400, "addresses"),
        ("POST", "/v1/laddr", b'{"port":"lan0","addresses":[]}', 400, "addresses"),
        ("POST", "/v1/laddr", b'{"addresses":["198.18.0.9"]}', 400, "port"),
        ("POST", "/v1/laddr", b'{"port":"lan0","addresses":["198.18.0.9"]}', 201, "generation"),
        (
            "POST",
            "/v1/laddr",
            b'{"port":"lan0","addresses":["198.18.0.1"]}',
            409,
            "duplicate_laddr",
        ),
        ("DELETE", "/v1/laddr/nonsense", None, 400, "not an address"),
        ("DELETE", "/v1/laddr/198.18.0.99", None, 404, "unknown_laddr"),
        ("DELETE", "/v1/laddr/198.18.0.1", None, 200, "generation"),
    ],
)
def test_the_api(
    daemon: FakeDaemon, method: str, path: str, body: bytes | None, status: int, said: str
) -> None:
    answer = exchange(str(daemon.socket), method, path, body, 10)
    assert answer.status == status and said in json.dumps(json.loads(answer.body))
