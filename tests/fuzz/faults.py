# SPDX-License-Identifier: BSD-3-Clause
"""Faults that csrc/fuzz/spoil.c makes on purpose: an input that meets each, and who must see it."""

from collections.abc import Iterator
from dataclasses import dataclass

from packets.frames import ip, tcp, udp
from scapy.layers.inet import UDP

from fuzz.program import change, frame, program, reply
from fuzz.seeds import TWO_WORKERS

USUAL = program(frame(udp()), reply())


@dataclass(frozen=True)
class Fault:
    """Its name in spoil.c, and what is said about it."""

    name: str
    said: str
    program: bytes = USUAL


def _lone_fragments() -> Iterator[bytes]:
    """First fragments of several datagrams, some of which are at home on the other worker."""
    for ident in range(8):
        yield frame(ip(proto=17, id=ident, flags="MF") / UDP(dport=53, len=16) / bytes(8))


TOO_FAR = program(frame(udp(ttl=1)))
TWO_CLIENTS = program(frame(udp(sport=1)), frame(udp(sport=2)))
FAULTS = [
    Fault("ip_sum", "a right IPv4 checksum became wrong"),
    Fault("l4_sum", "a right L4 checksum became wrong"),
    # An error that the path makes has nobody's checksum to excuse its own.
    Fault("ip_sum", "a wrong IPv4 checksum is made", TOO_FAR),
    Fault("l4_sum", "a wrong L4 checksum is made", TOO_FAR),
    Fault("no_udp_sum", "a UDP checksum was lost"),
    Fault("ip_length", "is sent that is no whole IP packet"),
    Fault("too_long", "is sent where the MTU is"),
    Fault("source", "a frame is sent from an address that is not ours"),
    Fault("mac", "a frame is sent from a MAC that is not the port's"),
    Fault("ttl", "a frame is sent with no time to live left"),
    Fault("port", "a frame is sent to port"),
    Fault("tag", "a frame leaves in VLAN 1"),
    Fault("no_verdict", "a packet has the verdict 0"),
    Fault("changed", "a packet with the verdict 2 was changed"),
    Fault("punt_class", "a punt of class 3"),
    Fault("nobody", "hands over to worker"),
    Fault(
        "handed_again",
        "hands a packet over a second time",
        program(frame(udp()), reply(worker=1), shape=TWO_WORKERS),
    ),
    Fault("round_and_round", "a packet goes round", program(_lone_fragments(), shape=TWO_WORKERS)),
    Fault("drop_reason", "a drop for reason"),
    Fault("uncounted_drop", "drops for reason"),
    Fault("uncounted_answer", "answers of kind 0 that it did not count", program(frame(tcp("S")))),
    Fault("worker", "a session on worker"),
    Fault("families", "a session that mixes address families"),
    Fault("one_client", "two sessions of one client's connection", TWO_CLIENTS),
    Fault("one_local_port", "two sessions share a local port towards one RS", TWO_CLIENTS),
    Fault("unlisted", "sessions are listed, RS count"),
    Fault("more_than_ever", "an RS has more sessions than it ever got"),
    Fault("decided_twice", "more sessions of an RS have come to something than it ever got"),
    Fault(
        "generation", "a transaction with result 0 made generation", program(change("VS_DEL", 0))
    ),
    Fault("left_behind", "worker 0 is not at the generation", program(change("VS_DEL", 0))),
    Fault("no_time", "after all time-outs sessions or removed RS remain"),
    Fault("lost_mbuf", "after a burst 1 mbufs are held"),
    Fault("lost_mbuf_at_the_end", "after all time-outs 1 mbufs are held"),
    Fault("lost_object", "objects were not freed"),
    Fault("past_the_end", "heap-buffer-overflow"),
    Fault("behind_a_packet", "use-after-poison"),
    Fault("before_a_packet", "use-after-poison"),
    Fault("given_back", "use-after-poison"),
    Fault("given_back_twice", "given back twice"),
]
