# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl nic` and `slbctl doctor` with NICs that a kernel really binds, without an IOMMU."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from guest import Guest
from guest_slbd import guest_config
from lan import NICS
from machine import Machine

pytestmark = [pytest.mark.guest, pytest.mark.timeout(400)]

DEVICES = "/sys/bus/pci/devices"
NOIOMMU = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
FIRST, SECOND = (nic.address for nic in NICS)
BOTH = (FIRST, SECOND)


@pytest.fixture(name="machine")
def both_with_the_kernel(guest: Guest) -> Iterator[Machine]:
    """The guest, its NICs with virtio-pci before and after."""
    machine = guest.machine
    give_back(machine)
    yield machine
    give_back(machine)


def give_back(machine: Machine) -> None:
    """As after the boot, by other means than slbctl's."""
    for address in BOTH:
        if driver(machine, address) != "virtio-pci":
            machine.write(f"{DEVICES}/{address}/driver_override", "\n")
            if driver(machine, address):
                machine.write(f"{DEVICES}/{address}/driver/unbind", address)
            machine.write("/sys/bus/pci/drivers_probe", address)
        assert state(machine, address) == ("virtio-pci", "(null)")


def driver(machine: Machine, address: str) -> str:
    """What a device is bound to."""
    link = machine.run("readlink", f"{DEVICES}/{address}/driver", check=False)
    return link.strip().rpartition("/")[2]


def state(machine: Machine, address: str) -> tuple[str, str]:
    """The driver, and the one that alone may have the device."""
    override = machine.run("cat", f"{DEVICES}/{address}/driver_override").strip()
    return driver(machine, address), override


def slbctl(machine: Machine, *words: str) -> list[str]:
    """Run it; the lines it prints."""
    return machine.run("slbctl", *words).splitlines()


def refused(machine: Machine, *words: str) -> str:
    """Run it; its one line on stderr."""
    status, out, err = machine.try_run("slbctl", *words)
    assert (status, out, err.count("\n")) == (1, "", 1), (status, out, err)
    return err.removeprefix("slbctl: ").strip()


def nics(machine: Machine) -> dict[str, dict[str, Any]]:
    """The listing, by address."""
    rows = json.loads("\n".join(slbctl(machine, "nic", "list", "--json")))["items"]
    return {row["address"]: row for row in rows}


def test_list(machine: Machine) -> None:
    """Both NICs, with their interfaces and slbd's driver."""
    found = nics(machine)
    assert sorted(found) == list(BOTH)
    for row in found.values():
        assert (row["id"], row["driver"]) == ("1af4:1041", "virtio-pci")
        assert row["dpdk_drivers"] == ["net_virtio"]
        assert len(row["interfaces"]) == 1 and row["iommu_group"] is None


def test_both_there_and_back(machine: Machine) -> None:
    """The override holds while the device is handed over, and is gone when it is back."""
    words = ("--driver", "uio_pci_generic")
    done = [f"{address}: uio_pci_generic, before virtio-pci" for address in BOTH]
    assert slbctl(machine, "nic", "bind", "00:10.0", SECOND, *words) == done
    for address in BOTH:
        assert state(machine, address) == ("uio_pci_generic", "uio_pci_generic")
    again = [f"{FIRST}: uio_pci_generic already"]
    assert slbctl(machine, "nic", "bind", FIRST, *words) == again
    slbctl(machine, "nic", "bind", FIRST, "--driver", "virtio-pci")
    assert state(machine, FIRST) == ("virtio-pci", "(null)")
    assert slbctl(machine, "nic", "unbind", SECOND) == [
        f"{SECOND}: no driver, before uio_pci_generic"
    ]
    assert state(machine, SECOND) == ("", "(null)")


def test_a_driver_that_refuses(machine: Machine) -> None:
    """The NIC that it refused has its driver back, and so has the one before it."""
    machine.write(f"{DEVICES}/{SECOND}/driver/unbind", SECOND)
    machine.write(f"{DEVICES}/{FIRST}/driver_override", "\n")
    line = refused(machine, "nic", "bind", FIRST, "--driver", "pcieport")
    assert line == (
        f"{FIRST}: pcieport refuses it: No such device; {FIRST} is back with virtio-pci"
    )
    assert state(machine, FIRST) == ("virtio-pci", "(null)")


def test_in_use(machine: Machine) -> None:
    """An address needs --force; the default route, of either family, yields to nothing."""
    (name,) = nics(machine)[FIRST]["interfaces"]
    words = ("nic", "bind", name, "--driver", "uio_pci_generic")
    machine.run("ip", "link", "set", name, "up")
    machine.run("ip", "-6", "route", "add", "default", "dev", name)
    line = refused(machine, *words, "--force")
    assert line == f"{FIRST}: the default route leaves by {name}; it stays with virtio-pci"
    machine.run("ip", "-6", "route", "del", "default", "dev", name)
    machine.run("ip", "address", "add", "192.0.2.77/24", "dev", name)
    assert "in use: address 192.0.2.77; --force" in refused(machine, *words)
    slbctl(machine, *words, "--force")
    assert driver(machine, FIRST) == "uio_pci_generic"


def test_vfio_without_an_iommu(machine: Machine) -> None:
    """Refused before anything is touched, with what to do."""
    line = refused(machine, "nic", "bind", FIRST)
    assert line.startswith(f"{FIRST} is in no IOMMU group; ")
    # Debian's kernel has no mode without one.
    assert ("echo 1 >" in line) == (machine.try_run("test", "-e", NOIOMMU)[0] == 0)
    assert state(machine, FIRST) == ("virtio-pci", "(null)")


def test_doctor_tells_how_to_bind(machine: Machine) -> None:
    """Its command makes the error go away."""
    content = guest_config({"device": FIRST}, hugepages=True)
    (machine.share / "doctor.yaml").write_text(yaml.safe_dump(content))
    words = ("slbctl", "doctor", "-c", "/run/share/doctor.yaml", "--json")
    status, out, _ = machine.try_run(*words)
    port = next(row for row in json.loads(out)["items"] if row["check"].startswith("ports[0]"))
    assert status == 1 and port["status"] == "error"
    assert "bound to virtio-pci, from which DPDK cannot take it" in port["found"]
    assert port["fix"] == f"slbctl nic bind {FIRST} --driver uio_pci_generic"
    machine.run(*port["fix"].split())
    out = machine.try_run(*words)[1]
    port = next(row for row in json.loads(out)["items"] if row["check"].startswith("ports[0]"))
    assert port["status"] == "ok"
