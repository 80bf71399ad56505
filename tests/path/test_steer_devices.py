# SPDX-License-Identifier: BSD-3-Clause
"""Which way of steering is chosen for a device, read from the device itself."""

from dataclasses import dataclass

import pytest
from driver import Harness
from structs import names, number

from slb._harness import ffi, lib

pytestmark = pytest.mark.path

METHODS = names("slb_steer", "SLB_STEER_")
NOTSUP = -95
NO_RULES = "the device takes no rule by destination: Function not implemented; "
WRITTEN = "local ports by 128 entries of RSS, written"


@dataclass(frozen=True)
class Choice:
    """What was chosen, why, and what the device has then."""

    method: str
    text: str
    key: bytes
    table: tuple[int, ...]


def steer(device: str, workers: int, *, queues: int = 0, steering: str = "AUTO") -> Choice:
    """Choose for a device that has as many queues as there are workers, or other."""
    text, rss = ffi.new("char[256]"), ffi.new("struct harness_nic *")
    wanted = number(f"SLB_STEERING_{steering}")
    rc = lib.harness_steer(
        device.encode(), queues or workers, workers, wanted, rss, text, len(text)
    )
    method = METHODS[rc] if rc >= 0 else str(rc)
    table = tuple(rss.table[0 : rss.table_len])
    sentence = bytes(ffi.string(text)).decode()
    return Choice(method, sentence, bytes(rss.key[0 : rss.key_len]), table)


@pytest.mark.parametrize("steering", ["AUTO", "RSS_PORT", "SOFT"])
def test_one_worker(harness: Harness, steering: str) -> None:
    assert steer("net_null7", 1, steering=steering).method == "SINGLE"


@pytest.mark.parametrize("workers", [2, 3, 7])
@pytest.mark.parametrize("steering", ["AUTO", "RSS_PORT"])
def test_rss(harness: Harness, workers: int, steering: str) -> None:
    """The device's own table is all zeros, so that it gets another one, and a key that does."""
    choice = steer("net_null7", workers, steering=steering)
    assert choice.method == "RSS_PORT"
    assert choice.text == (NO_RULES if steering == "AUTO" else "") + WRITTEN
    assert choice.table == tuple(n % workers for n in range(128))
    assert len(choice.key) == 40 and len(set(choice.key)) > 20


def test_the_key_is_another_each_time(harness: Harness) -> None:
    assert steer("net_null7", 2).key != steer("net_null7", 2).key


def test_soft_where_wanted(harness: Harness) -> None:
    choice = steer("net_null7", 2, steering="SOFT")
    assert (choice.method, choice.text) == ("SOFT", "so configured")
    assert set(choice.table) == {0}, "the device is left as it was"


@pytest.mark.parametrize(
    ("device", "queues", "words"),
    [
        ("net_ring7", 2, f"{NO_RULES}the device has no RSS with a redirection table"),
        ("net_null7", 1, "1 receive queues do not reach 2 workers"),
    ],
)
def test_devices_that_cannot(harness: Harness, device: str, queues: int, words: str) -> None:
    choice = steer(device, 2, queues=queues)
    assert (choice.method, choice.text) == ("SOFT", words)
    for steering in ("FLOW", "RSS_PORT"):
        refused = steer(device, 2, queues=queues, steering=steering)
        assert refused.method == str(NOTSUP)
        assert refused.text == (words if steering == "FLOW" else words.removeprefix(NO_RULES))
