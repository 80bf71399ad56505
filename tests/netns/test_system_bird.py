# SPDX-License-Identifier: BSD-3-Clause
"""A whole slbd in `ospf.mode: system`: the BIRD is the host's, and only includes a file of ours.

client ==HTTP==> switch ==> lb: slbd, and a BIRD with a configuration of the host's own
"""

import re
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rig.addresses import SWITCH, VIP
from rig.lb import LbSettings
from rig.links import PacketLink
from rig.netns import command
from rig.process import Process
from rig.rig import Rig
from rig.services import all_services, http_service
from rig.topology import Topology
from rig.waiting import holds, wait

pytestmark = pytest.mark.netns

OTHER_VIP = "10.96.0.77"
# A route of a protocol of its own, which goes into the kernel, and an OSPF of its own.
HOST = """
log stderr all;
router id 192.0.2.9;
protocol device { scan time 1; }
protocol kernel { scan time 1; ipv4 { import none; export where proto = "theirs"; }; }
protocol static theirs { ipv4; route 100.64.0.0/24 via "lo"; }
protocol ospf v2 elsewhere { area 0.0.0.7 { stubnet 100.65.0.0/24; }; }
"""


# What BIRD logs of a protocol of the host's that it changes, restarts or removes.
OURS_NOT = r"protocol (theirs|elsewhere)"


class Host(Rig):
    """A rig whose LB host runs a BIRD before slbd is started."""

    def __init__(self) -> None:
        """Write the host's configuration, which includes slbd's file."""
        # A link that, as a NIC's, is up at the switch whatever becomes of slbd.
        link = PacketLink()
        services = all_services()
        super().__init__(LbSettings(link=link, ipv6=False, network_type="ptp", services=services))
        directory = self.registry.directory
        self.include, self.control = directory / "slb.conf", directory / "host-bird.ctl"
        self.conf = directory / "host-bird.conf"
        self.include.touch()
        self.conf.write_text(f'{HOST}include "{self.include}";\n')
        ospf = {
            "mode": "system",
            "control_socket": str(self.control),
            "include_file": str(self.include),
            "announce": "vips",
            "network_type": "ptp",
            "await_services_s": 0,
            "hello_s": 1,
            "dead_s": 4,
        }
        self.settings = replace(self.settings, policies={"ospf": ospf})
        self.bird: Process | None = None

    def _start_lb(self, topology: Topology) -> None:
        if self.bird is None:
            self.start_bird(topology)
        super()._start_lb(topology)

    def start_bird(self, topology: Topology | None = None) -> None:
        """As the host's service manager does."""
        namespace = topology.lb if topology is not None else self.lb.namespace
        words = ["bird", "-f", "-c", str(self.conf), "-s", str(self.control)]
        self.bird = Process(self.registry, namespace, "host-bird", words)
        self.adopt(self.bird)
        wait(lambda: "up and running" in self.birdc("show", "status"), 10, "the host's BIRD")

    def birdc(self, *words: str) -> str:
        """What the host's BIRD answers."""
        return command("birdc", "-s", str(self.control), *words, check=False)

    def theirs(self) -> str:
        """What is to stay as it is: the host's protocols, that none was restarted, its route."""
        questions = ("protocols theirs", "protocols elsewhere", "ospf state all elsewhere")
        answers = [self.birdc("show", *question.split()) for question in questions]
        route = self.lb.namespace.ip("route", "show", "100.64.0.0/24")
        assert self.bird is not None
        told = [line for line in self.bird.text().splitlines() if re.search(OURS_NOT, line)]
        # BIRD works out since when from another clock each time, to the millisecond.
        return re.sub(r"\d+:\d+:\d+\.\d+", "", "".join(answers)) + route + "\n".join(told)

    def announced(self, *addresses: str) -> bool:
        """Whether the switch's kernel has routes to these VIPs by way of the LB."""
        return set(addresses) <= self.routes_to_lb()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host that is Full with the switch."""
    with Host() as rig:
        assert isinstance(rig, Host)
        wait(lambda: rig.switch.full() and rig.announced(VIP), 30, "the VIP's route at the switch")
        yield rig


def test_services_are_reached(host: Host) -> None:
    """By the host's BIRD; what else it does goes on, and slbd starts none of its own."""
    assert host.client.http(50).failures == []
    view = host.lb.api("/v1/ospf")
    assert (view["mode"], view["running"]) == ("system", True)
    assert view["neighbours"][0]["router_id"] == SWITCH
    assert "100.64.0.0/24" in host.theirs()
    assert "100.65.0.0/24" in host.theirs()
    assert not host.lb.socket.with_suffix(".bird").exists()


def test_a_new_vip_leaves_the_rest_alone(host: Host) -> None:
    before = host.theirs()
    services = [*all_services(), {**http_service(), "vs": f"{OTHER_VIP}:80/tcp"}]
    host.lb.apply(services)
    wait(lambda: host.announced(VIP, OTHER_VIP), 15, "the other VIP's route")
    host.lb.apply(all_services())
    wait(lambda: not host.announced(OTHER_VIP), 15, "the other VIP's route to go")
    assert host.theirs() == before


def test_what_the_host_has_broken_is_told(host: Host) -> None:
    """A configuration that BIRD refuses: what it runs with stays, and slbd tries again."""
    good = host.conf.read_text()
    services = [*all_services(), {**http_service(), "vs": f"{OTHER_VIP}:80/tcp"}]
    host.conf.write_text(f"{good}half a line")
    try:
        host.lb.apply(services)
        wait(lambda: f"{host.conf.name}:" in str(host.lb.api("/v1/ospf")["error"]), 15, "an error")
        assert "half" not in host.birdc("show", "protocols")
        holds(lambda: host.announced(VIP) and host.switch.full(), 3, "the VIP's route")
        assert host.client.http(50).failures == []
        assert host.conf.name in host.lb.try_ctl("status").stdout
    finally:
        host.conf.write_text(good)
    wait(lambda: host.announced(VIP, OTHER_VIP), 30, "the other VIP's route")
    wait(lambda: host.lb.api("/v1/ospf")["error"] is None, 15, "no error")
    host.lb.apply(all_services())


def test_bird_that_died_is_found_again(host: Host) -> None:
    """Whoever runs it starts it, and nothing has to be done to slbd."""
    assert host.bird is not None
    host.bird.send(signal.SIGKILL)
    host.bird.wait(5)
    wait(lambda: not host.lb.api("/v1/ospf")["running"], 10, "slbd to notice")
    assert host.bird.status() is not None
    host.start_bird()
    wait(lambda: host.switch.full() and host.announced(VIP), 40, "the VIP's route")
    wait(lambda: host.lb.api("/v1/ospf")["error"] is None, 10, "no error")
    assert host.client.http(50).failures == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ends", "killed"])
def test_slbd_that_has_gone(host: Host, how: signal.Signals) -> None:
    """Ended, it takes its section with it; killed, the next one goes on with it.

    Either way the route goes: the host's BIRD lives on, but has no interface to speak on.
    """
    before = host.theirs()
    host.lb.process.send(how)
    host.lb.process.wait(20)
    wait(lambda: not host.announced(VIP), 15, "the VIP's route to go")
    if how == signal.SIGTERM:
        assert "slb_" not in host.birdc("show", "protocols")
    assert host.theirs() == before
    host.restart_lb()
    wait(lambda: host.switch.full() and host.announced(VIP), 40, "the VIP's route")
    assert host.theirs() == before
    assert host.client.http(50).failures == []


def test_slbd_that_does_nothing_loses_its_routes(host: Host) -> None:
    """The host's BIRD lives, and nobody hears it: the route is back when slbd goes on."""
    before = host.theirs()
    try:
        host.lb.process.freeze()
        wait(lambda: not host.announced(VIP), 15, "the route of a stopped slbd to go")
    finally:
        host.lb.process.send(signal.SIGCONT)
    wait(lambda: host.switch.full() and host.announced(VIP), 40, "the VIP's route")
    assert host.theirs() == before
    assert host.client.http(50).failures == []
