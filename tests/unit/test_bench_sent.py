# SPDX-License-Identifier: BSD-3-Clause
"""What ./dev bench looks at in the packets of a whole engine."""

from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from bench import capture, sent
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

RS = [IPv4Address("10.10.0.1") + i for i in range(4)]
LOCAL = [IPv4Address("198.18.0.1") + i for i in range(2)]
SESSIONS = 8
SESSION, OTHER = 3, 4


@pytest.fixture(name="packets")
def right_ones(tmp_path: Path) -> list[Ether]:
    """Of each session two packets, as the engine would send them."""
    capture.write(tmp_path / "arrived", SESSIONS)
    arrived = [Ether(frame) for frame in sent.frames(tmp_path / "arrived")]
    arrived.sort(key=lambda packet: bytes(packet[UDP].payload))
    for number, packet in enumerate(arrived):
        packet[IP].src, packet[IP].dst = str(LOCAL[number % 2]), str(RS[number % 4])
        packet[UDP].sport, packet[UDP].dport = 2000 + number, 8080
        packet[IP].ttl -= 1
        del packet[IP].chksum, packet[UDP].chksum
    return [*arrived, *(packet.copy() for packet in arrived)]


def look(path: Path, packets: list[Ether]) -> None:
    """Check these."""
    with PcapWriter(str(path), linktype=1) as file:
        for packet in packets:
            file.write(packet)
    sent.check(path, SESSIONS, set(RS), 8080, set(LOCAL))


def test_right_ones(tmp_path: Path, packets: list[Ether]) -> None:
    look(tmp_path / "sent", packets)
    look(tmp_path / "sent", packets[: SESSIONS + 1])


def _client(packet: Ether) -> None:
    packet[IP].src = "203.0.113.0"


def _rs(packet: Ether) -> None:
    packet[IP].dst = "10.10.0.5"


def _port(packet: Ether) -> None:
    packet[UDP].dport = 80


def _life(packet: Ether) -> None:
    packet[IP].ttl += 1


def _way(packet: Ether) -> None:
    packet[UDP].sport += 100


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_client, "a frame went from 203.0.113.0 to 10.10.0.4:8080"),
        (_rs, "a frame went from 198.18.0.2 to 10.10.0.5:8080"),
        (_port, "a frame went from 198.18.0.2 to 10.10.0.4:80"),
        (_life, "a frame went from 198.18.0.2 to 10.10.0.4:8080"),
        (_way, "frames of one session went different ways"),
    ],
)
def test_a_wrong_one(
    tmp_path: Path, packets: list[Ether], spoil: Callable[[Ether], None], said: str
) -> None:
    spoil(packets[SESSION])
    with pytest.raises(RuntimeError, match=f"^{said}$"):
        look(tmp_path / "sent", packets)


@pytest.mark.parametrize(("layer", "field"), [(IP, "chksum"), (UDP, "chksum")])
def test_a_wrong_checksum(
    tmp_path: Path, packets: list[Ether], layer: type[IP], field: str
) -> None:
    """Of the first, which is one of those that are summed."""
    packets[0] = Ether(bytes(packets[0]))
    setattr(packets[0][layer], field, getattr(packets[0][layer], field) ^ 1)
    with pytest.raises(RuntimeError, match=r"^a frame was sent with a wrong checksum$"):
        look(tmp_path / "sent", packets)


def test_sessions_that_miss_or_share_a_way(tmp_path: Path, packets: list[Ether]) -> None:
    with pytest.raises(RuntimeError, match=r"^7 sessions of 8, 7 ways$"):
        look(tmp_path / "sent", packets[1:SESSIONS])
    for number in (SESSION, SESSION + SESSIONS):
        for layer, names in ((IP, ("src", "dst")), (UDP, ("sport",))):
            for name in names:
                setattr(packets[number][layer], name, getattr(packets[OTHER][layer], name))
    with pytest.raises(RuntimeError, match=r"^8 sessions of 8, 7 ways$"):
        look(tmp_path / "sent", packets)


def test_an_rs_out_of_turn(tmp_path: Path, packets: list[Ether]) -> None:
    for number in (SESSION, SESSION + SESSIONS):
        packets[number][IP].dst = str(RS[0])
    with pytest.raises(RuntimeError, match=r"^the RS did not take turns: \[1, 2, 2, 3\] sessions$"):
        look(tmp_path / "sent", packets)
