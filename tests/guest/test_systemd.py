# SPDX-License-Identifier: BSD-3-Clause
"""slbd and slb-agent as services of systemd, with the units that we ship: configs/systemd.

The clients and pods are those of lan.py; the port is the NIC with two queues, bound to
uio_pci_generic, and at the end a tap, for which the unit needs nothing beside it.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from guest import Guest
from guest_slbd import HUGEPAGES, GuestApi, bind, guest_config
from lan import NICS, WORKERS
from machine import SHARE, Machine
from tools import PREFIX, Tools, few_drivers

from rig.addresses import CLIENTS, DATA_LINK, KERNEL_LINK, LB, SWITCH
from rig.dpdk_tools import figure
from rig.process import tail
from rig.services import dns_service, http_service
from rig.waiting import RigError, wait
from slb.model.desired import AGENT_SOCKET

# The first of them boots.
pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHIPPED = CONFIGS / "systemd"
HUGEPAGES_FILE = CONFIGS / "sysctl.d/80-slb-hugepages.conf"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB"
# For slbd, for one that was killed while a tool has its memory, and for what tools allocate.
PAGES = 2 * HUGEPAGES + 40
NIC = NICS[0]
SOCKET = Path("/run/slb/slbd.sock")
REQUESTS = 100
# An emulated CPU takes ten seconds for Python's modules alone, and more when the host is busy.
START_S = 150
SERVICES = [dns_service(), http_service()]

DRAINING = {"mode": "managed", "announce": "vips", "network_type": "ptp", "drain_s": 6}

# The product, and the Python that it runs with, may be below /tmp or /root; there is no journal.
_GUEST = """\
[Service]
ExecStart=
ExecStart={slbd} --config {share}/unit.yaml
ProtectHome=no
PrivateTmp=no
Environment=PYTHONDONTWRITEBYTECODE=1
StandardError=append:{share}/unit.log
"""


# systemd prepares private devices in /tmp, which is read-only here.
_GUEST_AGENT = """\
[Service]
ExecStart=
ExecStart={agent}
WatchdogSec=5
ProtectHome=no
PrivateTmp=no
PrivateDevices=no
Environment=PYTHONDONTWRITEBYTECODE=1
StandardError=append:{share}/slb-agent.log
"""


class Unit(GuestApi):
    """The unit, and what it has to say."""

    def __init__(self, guest: Guest) -> None:
        """Install it, but for drop-ins of ours."""
        super().__init__(guest.machine, SOCKET)
        self.guest = guest
        self.log = self.machine.share / "unit.log"
        self._folder = self.machine.share / "units"
        self._drop_ins = self._folder / "slbd.service.d"
        self._drop_ins.mkdir()
        shutil.copy(SHIPPED / "slbd.service", self._folder)
        slbd = Path(sys.executable).parent / "slbd"
        (self._drop_ins / "guest.conf").write_text(_GUEST.format(slbd=slbd, share=SHARE))
        self.systemctl("daemon-reload")

    def add(self, drop_in: str) -> None:
        """Install a drop-in that we ship."""
        shutil.copy(SHIPPED / drop_in, self._drop_ins)
        self.systemctl("daemon-reload")

    def add_agent(self) -> GuestApi:
        """Install slb-agent's unit, and return what answers at its socket once it runs."""
        drop_ins = self._folder / "slb-agent.service.d"
        drop_ins.mkdir()
        shutil.copy(SHIPPED / "slb-agent.service", self._folder)
        agent = Path(sys.executable).parent / "slb-agent"
        (drop_ins / "guest.conf").write_text(_GUEST_AGENT.format(agent=agent, share=SHARE))
        self.systemctl("daemon-reload")
        return GuestApi(self.machine, Path(AGENT_SOCKET))

    def remove(self, drop_in: str) -> None:
        """Take it away."""
        (self._drop_ins / drop_in).unlink()
        self.systemctl("daemon-reload")

    @contextmanager
    def setting(self, line: str) -> Iterator[None]:
        """A line for the service that we do not ship."""
        file = self._drop_ins / "setting.conf"
        file.write_text(f"[Service]\n{line}\n")
        self.systemctl("daemon-reload")
        yield
        self.remove(file.name)

    def configure(self, content: Mapping[str, Any]) -> None:
        """Write slb.yaml."""
        file = self.machine.share / "unit.yaml"
        file.write_text(yaml.safe_dump(dict(content), sort_keys=False))

    def systemctl(self, *words: str) -> None:
        """Run it; raises RigError with slbd's last words."""
        status, _, err = self.machine.try_run("systemctl", *words, timeout=START_S)
        if status != 0:
            raise RigError(f"systemctl {' '.join(words)}: {err.strip()}; {tail(self.log)}")

    def show(self, name: str = "slbd") -> dict[str, str]:
        """Its properties."""
        text = self.machine.run("systemctl", "show", f"{name}.service")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def state(self) -> tuple[str, str]:
        """Whether it is active, and the status that slbd has told."""
        shown = self.show()
        return shown["ActiveState"], shown["StatusText"]

    def signal(self, name: str) -> None:
        """Send slbd itself a signal."""
        self.machine.run("kill", "-s", name, self.show()["MainPID"])

    def assert_forwards(self) -> None:
        """Clients are answered, and all workers take part."""
        # Else the first request is what the gateway's MAC is asked for.
        self.machine.run("ping", "-n", "-c", "1", "-w", "20", SWITCH)
        wait(lambda: self.items("/v1/neighbours"), 20, "the gateway as a neighbour")
        client = self.guest.lan.client
        outcome = client.dns(REQUESTS, 10, source=CLIENTS[1])
        assert (outcome.failures, outcome.answered) == ([], REQUESTS)
        assert client.http(10, 5, source=CLIENTS[2]).failures == []
        created = [row["sessions_created"] for row in self.items("/v1/workers")]
        assert len(created) == WORKERS and all(created)

    def free_pages(self) -> int:
        """The hugepages that nobody has."""
        return int(self.machine.run("cat", f"{POOL}/free_hugepages"))

    def runs(self, name: str, restarts: int) -> bool:
        """Whether it has said that it is ready, after so many starts by systemd alone."""
        shown = self.show(name)
        return shown["NRestarts"] == str(restarts) and shown["ActiveState"] == "active"

    def assert_started_again(self, times: int) -> None:
        """By systemd alone."""

        wait(lambda: self.runs("slbd", times), START_S, "slbd's next life")
        assert self.state() == ("active", "forwarding")


@pytest.fixture(scope="module")
def unit(guest: Guest) -> Iterator[Unit]:
    """The unit for the NIC, not started yet."""
    machine = guest.machine
    if machine.try_run("systemctl", "is-active", "agent.service")[0] != 0:
        pytest.skip("this host has no systemd for the guest to run")
    reserve(machine)
    bind(machine, NIC, "uio_pci_generic")
    guest.lan.use(NIC)
    few_drivers(machine)
    unit = Unit(guest)
    unit.add("uio.conf")
    unit.configure(on_the_nic(SERVICES))
    try:
        yield unit
    finally:
        unit.systemctl("stop", "slbd")
        bind(machine, NIC, "virtio-pci")


def reserve(machine: Machine) -> None:
    """Hugepages as at boot, by our file and systemd's program for it, and where Debian has them."""
    text = HUGEPAGES_FILE.read_text()
    assert text.count("= 1024") == 1
    (machine.share / HUGEPAGES_FILE.name).write_text(text.replace("= 1024", f"= {PAGES}"))
    machine.run("/lib/systemd/systemd-sysctl", str(SHARE / HUGEPAGES_FILE.name))
    assert machine.run("cat", f"{POOL}/free_hugepages") == f"{PAGES}\n"
    machine.run("mkdir", "-p", "/dev/hugepages")
    machine.run("mount", "-t", "hugetlbfs", "hugetlbfs", "/dev/hugepages")


def on_the_nic(services: list[dict[str, Any]]) -> dict[str, Any]:
    """slb.yaml for the NIC."""
    return guest_config({"device": NIC.device}, services, hugepages=True, socket=SOCKET)


def shared(content: dict[str, Any]) -> dict[str, Any]:
    """DPDK's tools may attach."""
    content["engine"] |= {
        "hugepages": True,
        "shared_memory": True,
        "telemetry": True,
        "file_prefix": PREFIX,
    }
    return content


def test_start_returns_when_it_forwards(unit: Unit) -> None:
    unit.systemctl("start", "slbd")
    assert unit.state() == ("active", "forwarding")
    assert unit.port()["driver"] == "net_virtio"
    unit.assert_forwards()
    assert unit.guest.lan.client.ping(LB, "-c", "3", "-i", "0.2") == (3, 3)


def test_it_may_no_more_than_it_needs(unit: Unit) -> None:
    """As the kernel has it, not as it is written."""
    status = unit.machine.run("cat", f"/proc/{unit.show()['MainPID']}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    # chown, net_admin, net_raw, and by uio.conf sys_admin.
    wanted = 1 << 0 | 1 << 12 | 1 << 13 | 1 << 21
    for which in ("CapBnd", "CapPrm", "CapEff"):
        assert int(fields[which], 16) == wanted, which
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


def test_reload(unit: Unit) -> None:
    """It applies what has changed; a wrong file is refused, and the status has it."""
    pid = unit.show()["MainPID"]
    unit.configure(on_the_nic(SERVICES[:1]))
    unit.systemctl("reload", "slbd")
    wait(lambda: len(unit.items("/v1/vs")) == 1, 30, "the reload's effect")
    unit.configure({"ports": []})
    unit.systemctl("reload", "slbd")
    wait(lambda: "forwarding; reload refused: " in unit.state()[1], 30, "the refusal")
    unit.configure(on_the_nic(SERVICES))
    unit.systemctl("reload", "slbd")
    wait(lambda: len(unit.items("/v1/vs")) == 2, 30, "the next reload's effect")
    wait(lambda: unit.state() == ("active", "forwarding"), 30, "the status")
    assert (unit.show()["MainPID"], unit.show()["NRestarts"]) == (pid, "0")
    unit.assert_forwards()


def test_killed_it_is_started_again(unit: Unit) -> None:
    unit.signal("KILL")
    unit.assert_started_again(1)
    unit.assert_forwards()


def test_hung_it_is_killed_by_the_watchdog(unit: Unit) -> None:
    """Nobody else would start a process again that is stopped."""
    unit.signal("STOP")
    unit.assert_started_again(2)
    unit.assert_forwards()


def test_stop(unit: Unit) -> None:
    """Clean: the interface gone, memory and files given back."""
    unit.systemctl("stop", "slbd")
    shown = unit.show()
    assert (shown["ActiveState"], shown["Result"], shown["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    assert KERNEL_LINK not in unit.machine.run("ip", "-o", "link")
    assert unit.free_pages() == PAGES
    assert unit.machine.try_run("test", "-e", str(SOCKET.parent))[0] == 1
    assert "Traceback" not in unit.log.read_text()


def test_a_broken_configuration(unit: Unit) -> None:
    """The unit fails, with one line that says why, and is not tried again."""
    content = on_the_nic(SERVICES)
    content["ports"][0]["local_addresses"] = ["198.18.0.x"]
    unit.configure(content)
    unit.log.write_text("")
    with pytest.raises(RigError, match="slbd"):
        unit.systemctl("start", "slbd")
    shown = unit.show()
    assert (shown["ActiveState"], shown["ExecMainStatus"]) == ("failed", "2")
    assert shown["NRestarts"] == "0"
    (line,) = unit.log.read_text().splitlines()
    assert line.startswith("slbd: ") and "198.18.0.x" in line
    unit.systemctl("reset-failed", "slbd")


def test_a_nic_that_a_tool_would_stop(unit: Unit) -> None:
    """The kernel's uio_pci_generic takes DMA away whenever somebody closes its file."""
    unit.configure(shared(on_the_nic(SERVICES)))
    unit.log.write_text("")
    with pytest.raises(RigError, match=f"{NIC.address} is bound to uio_pci_generic, which stops"):
        unit.systemctl("start", "slbd")
    unit.systemctl("stop", "slbd")
    assert "engine.shared_memory: " in unit.log.read_text().splitlines()[0]


def test_a_tap_needs_nothing_beside_the_unit(unit: Unit) -> None:
    """And DPDK's tools, which are run by root outside of it, nothing either."""
    unit.remove("uio.conf")
    unit.configure(shared(guest_config({}, SERVICES, socket=SOCKET)))
    unit.systemctl("start", "slbd")
    assert unit.state() == ("active", "forwarding")
    (row,) = unit.items("/v1/steering")
    assert row["method"] == "flow" and row["rules"] > 0
    assert "UP" in unit.link()["flags"] and unit.port()["kni_kind"] == "vhost"
    tools = Tools(unit.machine)
    links, info = tools.telemetry("/ethdev/list", "/slb/info")
    assert 0 in links["/ethdev/list"] and info["/slb/info"]["workers"] == WORKERS
    capture = tools.capture("live")
    before = unit.port()
    # What leaves by the port, and what comes in.
    unit.machine.try_run("ping", "-c", "1", "-w", "3", SWITCH)
    for words in (f"link set {DATA_LINK} up", f"address add {CLIENTS[0]}/24 dev {DATA_LINK}"):
        unit.machine.run("ip", *words.split())
    unit.machine.try_run("ping", "-I", DATA_LINK, "-c", "1", "-w", "3", CLIENTS[1])
    said = capture.end()
    for asked in (SWITCH, CLIENTS[1]):
        assert capture.lines(f"arp and host {asked}"), (asked, said, capture.lines(""))
    after, shown = unit.port(), tools.proc_info("--stats")
    assert before["rx_packets"] < after["rx_packets"] <= figure(shown, "RX-packets")


def test_killed_while_a_tool_hangs(unit: Unit) -> None:
    """Its memory, which the tool keeps, is in nobody's way; the next life has tools as well."""
    tools = Tools(unit.machine)
    capture = tools.capture("hangs")
    capture.signal("STOP")
    unit.signal("KILL")
    unit.assert_started_again(1)
    again = tools.capture("again")
    again.end()
    unit.systemctl("stop", "slbd")
    assert unit.show()["Result"] == "success"
    capture.signal("KILL")
    wait(lambda: unit.free_pages() == PAGES, 20, "all hugepages free")
    links = unit.machine.run("ip", "-o", "link")
    assert KERNEL_LINK not in links and DATA_LINK not in links
    assert unit.machine.run("find", "/dev/hugepages", "-type", "f") == ""


def test_a_drain_is_longer_than_systemd_would_wait(unit: Unit) -> None:
    """slbd says how long it needs, and is not killed before."""
    unit.configure(guest_config({}, SERVICES, socket=SOCKET) | {"ospf": DRAINING})
    with unit.setting("TimeoutStopSec=3"):
        unit.systemctl("start", "slbd")
        unit.systemctl("stop", "slbd")
    assert unit.show()["Result"] == "success"
    assert "announcing at metric 16777213 for 6 s" in unit.log.read_text()


def test_the_agent_beside_it(unit: Unit) -> None:
    """It works with nothing of what root may, and a slbd that systemd starts again is served."""
    # All that the guest has of the host's files is read-only.
    unit.machine.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib")
    agent = unit.add_agent()
    unit.configure(guest_config({}, [], socket=SOCKET))
    unit.systemctl("start", "slbd")
    unit.systemctl("start", "slb-agent")
    pid = unit.show("slb-agent")["MainPID"]
    status = unit.machine.run("cat", f"/proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(fields[which], 16) for which in ("CapBnd", "CapPrm", "CapEff")} == {0}
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    wait(lambda: agent.ask("/v1/status")["slbd"] == "applied", START_S, "the first desired state")
    agent.send("POST", "/v1/apply", json.dumps({"services": SERVICES}))
    wanted = [row["vs"] for row in unit.items("/v1/vs")]
    assert len(wanted) == len(SERVICES)
    unit.signal("KILL")
    unit.assert_started_again(1)
    wait(lambda: [row["vs"] for row in unit.items("/v1/vs")] == wanted, 30, "the services again")
    # Hung, it is killed by its watchdog, and started again.
    unit.systemctl("kill", "--signal=STOP", "slb-agent")
    wait(lambda: unit.runs("slb-agent", restarts=1), 90, "the agent's next life")
    wait(lambda: agent.ask("/v1/status")["slbd"] == "applied", START_S, "the desired state again")
    unit.systemctl("stop", "slb-agent")
    assert unit.show("slb-agent")["Result"] == "success"
    assert [row["vs"] for row in unit.items("/v1/vs")] == wanted
    files = unit.machine.run("ls", "-l", "/var/lib/slb").splitlines()
    assert sum("-rw-------" in line and "state-" in line for line in files) == 2
    unit.systemctl("stop", "slbd")
    assert "Traceback" not in (unit.machine.share / "slb-agent.log").read_text()
