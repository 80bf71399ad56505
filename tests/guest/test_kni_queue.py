# SPDX-License-Identifier: BSD-3-Clause
"""A NIC with RSS and a queue more than there are workers, but no rules: started anew without it.

The clients and pods are those of lan.py.
"""

from collections.abc import Iterator

import pytest
from guest import Guest
from guest_slbd import HUGEPAGES, GuestSlbd, bind, guest_config
from lan import NICS

from rig.addresses import CLIENTS, LB, SWITCH
from rig.services import dns_service
from rig.waiting import wait

# The first of them boots.
pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

REQUESTS = 200


@pytest.fixture(name="slbd")
def one_worker(guest: Guest) -> Iterator[GuestSlbd]:
    """slbd with one worker on the NIC with two queues."""
    nic = NICS[0]
    guest.machine.write("/proc/sys/vm/nr_hugepages", str(HUGEPAGES))
    bind(guest.machine, nic, "uio_pci_generic")
    try:
        guest.lan.use(nic)
        content = guest_config({"device": nic.device}, [dns_service()], hugepages=True)
        content["engine"] |= {"workers": 1, "workers_max": 1}
        slbd = GuestSlbd(guest.machine, "slbd-one-worker", content)
        yield slbd
        slbd.stop()
    finally:
        bind(guest.machine, nic, "virtio-pci")


def test_started_anew(guest: Guest, slbd: GuestSlbd) -> None:
    """All that clients and the kernel send comes to the one queue that is left."""
    (row,) = slbd.items("/v1/steering")
    assert (row["method"], row["rx_queues"], row["kni_queue"]) == ("single", 1, False)
    why = "no queue for the KNI core: the device takes no rule by destination: "
    assert why in row["reason"]
    slbd.machine.run("ping", "-n", "-c", "1", SWITCH)
    wait(lambda: slbd.items("/v1/neighbours"), 10, "the gateway as a neighbour")
    assert guest.lan.client.ping(LB, "-c", "5", "-i", "0.2") == (5, 5)
    outcome = guest.lan.client.dns(REQUESTS, 10, source=CLIENTS[1])
    assert (outcome.failures, outcome.answered) == ([], REQUESTS)
