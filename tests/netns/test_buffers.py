# SPDX-License-Identifier: BSD-3-Clause
"""No packet buffer left to receive with: counted, and over as soon as those that are stuck move on.

client ---- switch ---- lb (slbd)    as few buffers as slbd starts with. The core that hands packets
           |      |                  to the kernel is stopped, and what waits for it holds them all.
         node1  node2
"""

from collections.abc import Iterator

import pytest

from rig.addresses import CLIENTS, LB
from rig.freeze import frozen, lcore_thread
from rig.lb import LbSettings
from rig.rig import Rig
from rig.services import all_services
from rig.waiting import wait

pytestmark = pytest.mark.netns

# What slbd says that queues and cores hold with so many descriptors, by workers.
DESCRIPTORS, ENOUGH = 64, {1: 1024, 2: 1570}


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def tight_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig of this kind, without OSPF, and without a limit for the kernel's packets."""
    workers = request.param
    engine = {
        "workers": workers,
        "hugepages": False,
        "sessions": 4096,
        "mbufs": ENOUGH[workers],
        "vs_max": 64,
        "rs_max": 1024,
    }
    settings = LbSettings(
        workers=workers,
        ospf=False,
        services=all_services(),
        port={"rx_descriptors": DESCRIPTORS, "tx_descriptors": DESCRIPTORS},
        policies={
            "engine": engine,
            "fragments": {"held": 1},
            "punt": {"other_pps": 10_000_000},
        },
    )
    with Rig(settings) as rig:
        yield rig


def no_buffer(rig: Rig) -> int:
    """Packets that the port could not take for want of a buffer."""
    return int(rig.lb.items("/v1/ports")[0]["rx_no_mbuf"])


def kni_thread(rig: Rig) -> int:
    """The thread of the KNI core, whose lcore comes before the workers'."""
    first = min(int(row["lcore"]) for row in rig.lb.items("/v1/workers"))
    return lcore_thread(rig.lb.process.pid, first - 1)


def test_no_buffer_left(tight_rig: Rig) -> None:
    rig = tight_rig
    assert rig.client.http(50).failures == []
    before = no_buffer(rig)
    with frozen(kni_thread(rig)):
        senders = [rig.client.udp((LB, 9), source) for source in CLIENTS for _ in range(8)]

        def flooded() -> bool:
            for sender in senders:
                for _ in range(20):
                    sender.send(b"to the kernel")
            return no_buffer(rig) > before

        try:
            wait(flooded, 5, "a packet without a buffer")
            # Until the kernel's queue in front of the driver is full: no packet that comes then
            # would have the driver look.
            for _ in range(4):
                flooded()
        finally:
            for sender in senders:
                sender.close()
    wait(lambda: rig.client.ping(LB, "-c", "1", "-W", "1") == (1, 1), 5, "the kernel's answers")
    assert rig.client.http(100).failures == []
    assert rig.client.dns(100).failures == []
    before = no_buffer(rig)
    assert rig.client.http(100).failures == []
    assert no_buffer(rig) == before
