# SPDX-License-Identifier: BSD-3-Clause
"""What the engine itself refuses of a configuration, whoever wrote it: nothing starts with it."""

from collections.abc import Callable
from typing import Any

import pytest
import structs
from values import Settings

from slb._harness import ffi, lib

pytestmark = pytest.mark.path

Change = Callable[[Any], object]
WEEK_S = 7 * 24 * 3600


def laddr(index: int, text: str) -> Change:
    """Another local address."""
    return lambda config: structs.put_address(config.laddrs[index].addr, text)


def put(**values: Any) -> Change:
    """Other values."""
    return lambda config: [setattr(config, name, value) for name, value in values.items()]


def fill_prefix(config: Any) -> None:
    """A text without an end."""
    ffi.memmove(config.file_prefix, b"x" * 32, 32)


def long_timeout(config: Any) -> None:
    """Longer than the clock can tell."""
    config.timeout_s[lib.SLB_UDP_ONEWAY] = WEEK_S + 1


REFUSED: dict[str, tuple[Change, str]] = {
    "another ABI": (put(abi_version=0), "engine of ABI"),
    "no workers": (put(n_workers=0), "0 workers"),
    "too many ports": (put(n_ports=9), "9 ports"),
    "too few local addresses": (put(n_laddrs=1), "every worker needs one"),
    "an address twice": (laddr(1, "198.18.0.1"), "local address 1 is an earlier one again"),
    "a multicast address": (laddr(1, "224.0.0.1"), "local address 1: no unicast"),
    "an IPv4-mapped address": (laddr(1, "::ffff:198.18.0.9"), "local address 1: no unicast"),
    "a loopback address": (laddr(1, "::1"), "local address 1: no unicast"),
    "too few sessions": (put(sessions=63), "63 is not in 64"),
    "too many IPv6 sessions": (put(sessions6=1 << 29), "are too many"),
    "too many of both": (put(sessions=0x3FFEFFFF, sessions6=1), "1 are too many"),
    "no VS": (put(vs_max=0), "vs_max: 0"),
    "too many RS": (put(rs_max=(1 << 20) + 1), "rs_max: 1048577"),
    "a time-out over a week": (long_timeout, f"at most {WEEK_S}"),
    "a file prefix without an end": (fill_prefix, "file prefix too long"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    change, words = REFUSED[name]
    config, text = structs.config_of(Settings()), ffi.new("char[256]")
    change(config)
    assert lib.harness_open(config, text, len(text)) < 0
    assert words in ffi.string(text).decode()


def test_the_longest_timeout() -> None:
    config, text = structs.config_of(Settings()), ffi.new("char[256]")
    config.timeout_s[lib.SLB_UDP_ONEWAY] = WEEK_S
    assert lib.harness_open(config, text, len(text)) == 0
    lib.harness_close()
