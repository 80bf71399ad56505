# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is wrong at the start: one line on stderr, an exit status, and nothing left behind.

an empty namespace <- slbd --config wrong.yaml
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.addresses import KERNEL_LINK
from rig.lb import LbSettings, config, program, slbd_arguments
from rig.netns import Namespace
from rig.registry import Registry
from rig.rig import Rig

pytestmark = pytest.mark.netns

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Wrong:
    """A mistake in slb.yaml and the words that the error must have."""

    name: str
    change: Change
    words: tuple[str, ...]


def _port(**values: Any) -> Change:
    return lambda content: content["ports"][0].update(values)


def _engine(**values: Any) -> Change:
    return lambda content: content["engine"].update(values)


NO_NIC = "no such PCI device"

WRONG = (
    Wrong("no such NIC", _port(device="0000:ff:1f.7"), ("0000:ff:1f.7", NO_NIC)),
    Wrong("no such NIC, without its domain", _port(device="FF:1F.7"), ("FF:1F.7", NO_NIC)),
    Wrong("no such NIC, with arguments", _port(device="0000:ff:1f.7,a=1"), ("ff:1f.7", NO_NIC)),
    Wrong("no such driver", _port(device="net_nosuch0"), ("failed to parse", "net_nosuch0")),
    Wrong(
        "no such file for a vdev",
        _port(device="net_pcap0,rx_pcap=/nonexistent"),
        ("net_pcap0", "No such file or directory"),
    ),
    Wrong(
        "no such interface for a vdev",
        _port(device="net_af_packet0,iface=nosuch"),
        ("net_af_packet0", "No such device"),
    ),
    Wrong("fewer buffers than descriptors", _engine(mbufs=4096), ("engine.mbufs: 4096", "6432")),
    Wrong("more memory than there is", _engine(memory_mb=1_048_576), ("memory: 1048576 MB",)),
    Wrong("too few local addresses", _port(local_addresses=["198.18.0.1"]), ("local",)),
    Wrong("no such CPU", _engine(cpus={"workers": [0, 999]}), ("slb.yaml:", "999")),
    Wrong("unknown key", _engine(wrokers=2), ("slb.yaml:", "wrokers")),
    Wrong("wrong type", _engine(workers="many"), ("slb.yaml:", "workers")),
    Wrong(
        "VS outside the service subnets",
        lambda content: content.update(services=[{"vs": "10.97.0.1:80/tcp"}]),
        ("slb.yaml:", "10.97.0.1"),
    ),
    Wrong(
        "socket in a folder that cannot be made",
        lambda content: content.update(api={"socket": "/proc/slb/slbd.sock"}),
        ("/proc/slb",),
    ),
    Wrong(
        "kernel interface with a name that is taken",
        _port(kernel_interface={"name": "taken0"}),
        ("taken0",),
    ),
)


@dataclass(frozen=True)
class Host:
    """An empty namespace and the run's directory."""

    namespace: Namespace
    directory: Path

    def start(self, text: str, *under: str) -> subprocess.CompletedProcess[str]:
        """Run slbd on a configuration, under a command, until it ends, which must be soon."""
        file = self.directory / "slb.yaml"
        file.write_text(text)
        words = [*self.namespace.prefix(), *under, program("slbd"), *slbd_arguments(file)]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    def wanted(self) -> dict[str, Any]:
        """A configuration without a mistake."""
        return config(LbSettings(workers=2), self.directory / "slbd.sock")

    def links(self) -> set[str]:
        """The namespace's interfaces."""
        return {row["ifname"] for row in json.loads(self.namespace.ip("-j", "link", "show"))}

    def dpdk_files(self) -> list[Path]:
        """What DPDK keeps in the folder it shares with other programs."""
        return list((self.directory / "run").glob("dpdk/*"))

    def sockets(self) -> list[str]:
        """Sockets in the run's directory."""
        return [file.name for file in self.directory.iterdir() if file.is_socket()]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A namespace with one interface called taken0, and DPDK's files where they can be seen."""
    registry = Registry.create("slbt")
    namespace = Namespace(registry, "host")
    namespace.ip("link", "add", "taken0", "type", "veth", "peer", "name", "taken1")
    (registry.directory / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(registry.directory / "run"))
    yield Host(namespace, registry.directory)
    namespace.delete()
    registry.remove()


def assert_refused(host: Host, text: str, words: tuple[str, ...], *under: str) -> None:
    """slbd must end with one telling line and leave nothing."""
    before = host.links()
    ended = host.start(text, *under)
    assert ended.returncode not in (0, -6, -11), ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("slbd: ")
    assert all(word in lines[0] for word in words), lines[0]
    assert host.links() == before
    assert host.namespace.pids() == []
    assert host.sockets() == []
    assert host.dpdk_files() == []


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_configuration(host: Host, wrong: Wrong) -> None:
    """Each mistake is named in one line."""
    content = host.wanted()
    wrong.change(content)
    assert_refused(host, yaml.safe_dump(content), wrong.words)


def test_text_that_is_no_yaml(host: Host) -> None:
    """The error names the file and the line."""
    assert_refused(host, "engine:\n  workers: [1\nports: }\n", ("slb.yaml:3",))


def test_missing_file(host: Host) -> None:
    """The error names the file."""
    words = [*host.namespace.prefix(), program("slbd"), *slbd_arguments(Path("/nonexistent.yaml"))]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert len(ended.stderr.splitlines()) == 1
    assert "/nonexistent.yaml" in ended.stderr


def test_eal_refuses(host: Host) -> None:
    """What EAL says by itself is part of the one line, and its folder is removed."""
    content = host.wanted()
    content["engine"]["memory_mb"] = 1500
    words = ("EAL refused to start", "Cannot init memory", "Cannot allocate memory")
    assert_refused(host, yaml.safe_dump(content), words, "prlimit", "--as=1000000000")


@pytest.mark.usefixtures("no_hugepages")
def test_no_hugepages(host: Host) -> None:
    """The error says what to do about it."""
    content = host.wanted()
    content["engine"]["hugepages"] = True
    assert_refused(host, yaml.safe_dump(content), ("hugepages",))


def test_socket_of_a_living_daemon(host: Host, shared_rig: Rig) -> None:
    """A second slbd does not take the first one's socket away."""
    content = host.wanted()
    content["api"]["socket"] = str(shared_rig.lb.socket)
    assert_refused(host, yaml.safe_dump(content), (str(shared_rig.lb.socket),))
    assert shared_rig.lb.api("/v1/version")["pid"] == shared_rig.lb.process.pid


def test_interface_is_not_left(host: Host) -> None:
    """An error after the ports were opened removes them again."""
    content = host.wanted()
    content["ports"][0]["routes"] = [{"to": "0.0.0.0/0", "via": "203.0.113.77"}]
    assert_refused(host, yaml.safe_dump(content), ("203.0.113.77",))
    assert KERNEL_LINK not in host.links()
