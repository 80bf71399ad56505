# SPDX-License-Identifier: BSD-3-Clause
"""The model by itself: what an RS is told of its client, and what it says of that."""

import pytest
from scapy.layers.inet import TCP

from oracle.tcp_state import Way
from oracle.telling import Plan, Telling, with_option

CLIENT, SERVICE = (bytes((203, 0, 113, 9)), 40000), (bytes((10, 96, 0, 10)), 80)
CLIENT6 = bytes.fromhex("20010db8000c00000000000000000009"), 40000
SERVICE6 = bytes.fromhex("20010db8009600000000000000000010"), 80
OPTION = bytes.fromhex("fe089c40cb007109")
Options = list[tuple[object, object]]


def header(options: Options, **fields: object) -> bytes:
    """A TCP header."""
    return bytes(TCP(sport=1, dport=2, chksum=0, options=options, **fields))


def telling(how: str, **known: bool) -> Telling:
    """A session whose client's first byte is number 1001."""
    return Telling(how, CLIENT, SERVICE, 1001, **known)


def test_the_options() -> None:
    assert telling("toa").option == OPTION
    six = Telling("toa", CLIENT6, SERVICE6, 1001).option
    assert six == b"\xfe\x14\x9c\x40" + CLIENT6[0]


def test_the_headers() -> None:
    """The example of proxy-protocol.txt but for addresses and ports."""
    start = bytes.fromhex("0d0a0d0a000d0a515549540a21")
    assert telling("proxy-v2").header == start + bytes.fromhex("11000ccb0071090a60000a9c400050")
    six = Telling("proxy-v2", CLIENT6, SERVICE6, 1001).header
    assert six == start + b"\x21\x00\x24" + CLIENT6[0] + SERVICE6[0] + b"\x9c\x40\x00\x50"
    assert (len(telling("proxy-v2").header), len(six)) == (28, 52)


@pytest.mark.parametrize(
    ("options", "after"),
    [
        (b"", OPTION),
        (b"\1\1\1\1", b"\1\1\1\1" + OPTION),
        (b"\4\2\0\7", b"\4\2" + OPTION + b"\0\0"),
        (b"\4\2\0" + b"\7" * 13, b"\4\2" + OPTION + b"\0" * 6),
        (b"\1" * 32, b"\1" * 32 + OPTION),
        (b"\1" * 36, None),
        (b"\4\0\1\1", None),
        (b"\1\1\1\x08", None),
    ],
)
def test_where_the_option_goes(options: bytes, after: bytes | None) -> None:
    before = bytearray(header([])) + options
    before[12] = len(before) << 2 & 0xF0
    found = with_option(bytes(before), OPTION)
    assert (found and found[20:]) == after
    assert found is None or found[12] >> 4 == len(found) // 4


def test_numbers_behind_the_header() -> None:
    one = telling("proxy-v2", begun=True)
    assert [one.more(n) for n in (1000, 1001, 1002)] == [0, 0, 28]
    assert [one.less(n, 0) for n in (1000, 1001, 1002, 1028, 1029, 1030)] == [0, 0, 1, 27, 28, 28]
    one.told = True
    assert [one.more(n) for n in (1000, 1001, 1002)] == [0, 28, 28]
    one.past = True
    assert [one.more(n) for n in (1000, 999)] == [28, 28]
    assert one.less(7, 5) == 28


def test_an_rs_is_heard() -> None:
    one = telling("proxy-v2")
    one.hear(header([], ack=1029, flags="A"), 0)
    assert not one.told, "nothing was sent yet"
    one.begun = True
    one.hear(header([], ack=1028, flags="A"), 0)
    assert not one.told
    one.hear(header([], ack=1029, flags="A"), 0)
    assert one.told and not one.past
    one.hear(header([], ack=1001 + (1 << 30), flags="A"), 0)
    assert one.past


def test_an_rs_that_takes_data_of_the_syn() -> None:
    one = telling("proxy-v2")
    assert not one.hear(header([], ack=1001, flags="SA"), 0)
    assert one.hear(header([], ack=1005, flags="SA"), 0)
    assert not one.counts


def test_options_of_the_client_are_blanked() -> None:
    forged: Options = [(254, b"\1\2\3\4\5\6")]
    assert telling("toa").asked(header(forged), Plan())[0] == header([("NOP", None)] * 8)


def test_quoted_numbers_are_the_sender_s() -> None:
    one = telling("proxy-v2", begun=True, told=True)
    assert one.quoted(header([], seq=1040), Way.IN, 0) == header([], seq=1012)
    acked = header([("SAck", (1010, 1020))], ack=1001, flags="A")
    raised = header([("SAck", (1038, 1048))], ack=1029, flags="A")
    assert one.quoted(acked, Way.OUT, 0) == raised
    assert one.answered(raised, 0) == acked


def test_the_segment_size_leaves_room() -> None:
    one = telling("proxy-v2")
    big, small = header([("MSS", 1460)], flags="SA"), header([("MSS", 91)], flags="SA")
    assert one.announced(big) == header([("MSS", 1432)], flags="SA")
    assert one.announced(small) == small
