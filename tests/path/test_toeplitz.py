# SPDX-License-Identifier: BSD-3-Clause
"""The Toeplitz hash against published values, DPDK's and a bit-by-bit one; it is linear."""

import random
from ipaddress import ip_address

import pytest
from packets.rss import MICROSOFT_KEY, toeplitz

from slb._harness import lib

pytestmark = pytest.mark.path

# Microsoft, "Verifying the RSS hash calculation": both ends, the hash without and with ports.
SUITE = [
    ("66.9.149.187:2794", "161.142.100.80:1766", 0x323E8FC2, 0x51CCC178),
    ("199.92.111.2:14230", "65.69.140.83:4739", 0xD718262A, 0xC626B0EA),
    ("24.19.198.95:12898", "12.22.207.184:38024", 0xD2D0A5DE, 0x5C2B394A),
    ("38.27.205.30:48228", "209.142.163.6:2217", 0x82989176, 0xAFC7327F),
    ("153.39.163.191:44251", "202.188.127.2:1303", 0x5D1809C5, 0x10E828A2),
    (
        "[3ffe:2501:200:1fff::7]:2794",
        "[3ffe:2501:200:3::1]:1766",
        0x2CC18CD5,
        0x40207D3D,
    ),
    ("[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0x0F0C461C, 0xDDE51BBF),
    (
        "[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251",
        "[fe80::200:f8ff:fe21:67cf]:38024",
        0x4B61E985,
        0x02D1FEEF,
    ),
]


def packed(endpoint: str) -> tuple[bytes, bytes]:
    """Address and port as on the wire."""
    host, _, port = endpoint.rpartition(":")
    return ip_address(host.strip("[]")).packed, int(port).to_bytes(2, "big")


@pytest.mark.parametrize(("source", "destination", "by_addresses", "by_ports"), SUITE)
def test_verification_suite(
    source: str, destination: str, by_addresses: int, by_ports: int
) -> None:
    (src, sport), (dst, dport) = packed(source), packed(destination)
    for data, wanted in ((src + dst, by_addresses), (src + dst + sport + dport, by_ports)):
        assert lib.harness_toeplitz(MICROSOFT_KEY, 0, data, len(data)) == wanted
        assert lib.harness_softrss(MICROSOFT_KEY, data, len(data)) == wanted
        assert toeplitz(MICROSOFT_KEY, data) == wanted


@pytest.mark.parametrize("length", [8, 12, 32, 36])
@pytest.mark.parametrize("key_length", [40, 52])
def test_as_dpdk_hashes(length: int, key_length: int) -> None:
    dice = random.Random(length + key_length)
    for _ in range(300):
        key, data = dice.randbytes(key_length), dice.randbytes(length)
        wanted = lib.harness_softrss(key, data, length)
        assert lib.harness_toeplitz(key, 0, data, length) == wanted == toeplitz(key, data)


def test_parts_add_up() -> None:
    """The hash of an input is the XOR of those of its parts, wherever it is cut."""
    dice = random.Random(3)
    key, data = dice.randbytes(40), dice.randbytes(36)
    whole = lib.harness_toeplitz(key, 0, data, 36)
    for cut in range(37):
        front = lib.harness_toeplitz(key, 0, data[:cut], cut)
        assert front ^ lib.harness_toeplitz(key, cut, data[cut:], 36 - cut) == whole


@pytest.mark.parametrize("key", [bytes(40), b"\xff" * 40, b"\x6d\x5a" * 20])
def test_regular_keys(key: bytes) -> None:
    data = random.Random(4).randbytes(36)
    assert lib.harness_toeplitz(key, 0, data, 36) == lib.harness_softrss(key, data, 36)
