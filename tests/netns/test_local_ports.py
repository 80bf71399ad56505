# SPDX-License-Identifier: BSD-3-Clause
"""All local ports towards one RS in use: counted, no harm to others, and over when some end.

client ---- switch ---- lb (slbd)    one local address a worker: 64,512 sessions with an RS
           |      |
         node1  node2                VIP:80 -> pod1a alone, VIP:81 -> pod2a
        pod1a   pod2a

The flood is SYNs with a wrong checksum: slbd, which does not look at it, makes a session of each,
and the RS's kernel drops them.
"""

from collections.abc import Iterator

import pytest

from rig.addresses import FAMILIES, HTTP, HTTP_PORT, HTTP_VS, PODS, VIP, endpoint, on_link_addresses
from rig.lb import LbSettings
from rig.raw import Raw, flood_syn
from rig.rig import Rig
from rig.services import service
from rig.waiting import RigError, wait

pytestmark = pytest.mark.netns

PORTS = 65536 - 1024
BURST = 400
OTHER = (VIP, 81)
FLAGS_AT, RST_ACK = 20 + 13, 4 | 16


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def few_ports(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig with more room for sessions than local ports."""
    workers = request.param
    rs, other = (endpoint(pod.address, HTTP_PORT) for pod in (PODS[0], PODS[2]))
    settings = LbSettings(
        workers=workers,
        ospf=False,
        services=[service(HTTP_VS, {rs: 1}), service(f"{VIP}:81/tcp", {other: 1})],
        timeouts={"tcp_syn_sent": 120, "tcp_close": 1},
        port={"local_addresses": [a for f in FAMILIES for a in on_link_addresses(2, f)[:workers]]},
        policies={
            "engine": {
                "workers": workers,
                "hugepages": False,
                "sessions": 80_000,
                "mbufs": 8192,
                "vs_max": 64,
                "rs_max": 1024,
            }
        },
    )
    with Rig(settings) as rig:
        yield rig


def drops(rig: Rig) -> int:
    """Packets for which there was no local port so far."""
    rows = {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}
    return int(rows["NO_LOCAL_PORT"])


def sessions(rig: Rig) -> list[int]:
    """How many each worker has."""
    return [int(row["sessions_active"]) for row in rig.lb.items("/v1/workers")]


def flood(rig: Rig, raw: Raw) -> None:
    """Clients come until each worker has turned some away, whatever gets lost on the way."""
    full, number = PORTS * rig.settings.workers, 0
    while (had := sum(sessions(rig))) < full:
        assert number < 3 * full
        burst = min(BURST, full - had + 40)
        for _ in range(burst):
            raw.send(flood_syn(HTTP, number := number + 1))
        try:
            wait(lambda a=had + burst: sum(sessions(rig)) >= a, 0.05, "a burst")  # type: ignore[misc]
        except RigError:
            continue


def test_all_local_ports_in_use(few_ports: Rig) -> None:
    rig = few_ports
    assert rig.client.http(8).failures == []
    with Raw(rig.client.namespace) as raw, rig.client.tcp() as connection:
        flood(rig, raw)
        assert sessions(rig) == [PORTS] * rig.settings.workers
        before = drops(rig)
        for number in range(200_000, 200_100):
            raw.send(flood_syn(HTTP, number))
        wait(lambda: drops(rig) >= before + 100, 5, "the drops")
        assert rig.client.http(50, target=OTHER).failures == []
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert PODS[0].name.encode() in b"".join(iter(lambda: connection.recv(4096), b""))
        some_end(rig, raw)
        before = drops(rig)
        assert rig.client.http(50).failures == []
        assert drops(rig) == before


def some_end(rig: Rig, raw: Raw) -> None:
    """A quarter of the clients give up, on every worker; a search does not find less at once."""
    enough = PORTS * 3 // 4

    def all_have_room() -> bool:
        return max(sessions(rig)) < enough

    for number in range(1, PORTS * rig.settings.workers):
        packet = bytearray(flood_syn(HTTP, number))
        packet[FLAGS_AT] = RST_ACK
        raw.send(bytes(packet))
        if number % BURST == 0 and all_have_room():
            break
    wait(all_have_room, 5, "the end of so many sessions")
