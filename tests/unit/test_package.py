# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package: what is in it, and its life on a host from installation to purge."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.debian_host import DebianHost, NoHost

from rig.waiting import wait

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
ENABLED = "etc/systemd/system/multi-user.target.wants"

pytestmark = pytest.mark.skipif(
    shutil.which("dpkg-shlibdeps") is None or os.geteuid() != 0, reason="needs Debian, and root"
)


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def build(to: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "deb", "--to", str(to), "--compression", "none", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT / ".ci")}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1.0."""
    folder = tmp_path_factory.mktemp("package")
    done = build(folder, "--version", "1.0")
    if "not the same" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stderr) == (0, ""), done
    (path,) = folder.iterdir()
    assert path == Path(done.stdout.strip())
    return path


def successor(package: Path, folder: Path) -> Path:
    """Version 2.0, whose slb.yaml is another one."""
    run("dpkg-deb", "-R", str(package), str(folder / "next"))
    control = folder / "next/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 1.0\n", "Version: 2.0\n"))
    with (folder / "next/etc/slb/slb.yaml").open("a") as file:
        file.write("# of the next version\n")
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", str(folder / "next"), str(folder))
    return folder / package.name.replace("1.0", "2.0")


def test_what_dpkg_is_told(package: Path) -> None:
    fields = dict(re.findall(r"^ ?(\S+): (.*)$", run("dpkg-deb", "-f", str(package)), re.MULTILINE))
    assert (fields["Package"], fields["Version"]) == ("dpdk-slb", "1.0")
    depends = {name.split()[0] for name in fields["Depends"].split(",")}
    assert {"python3", "libc6", "libnuma1", "libpcap0.8"} <= depends
    assert not any(name.endswith("-dev") for name in depends)
    assert int(fields["Installed-Size"]) > 10_000


def test_what_is_in_it(package: Path) -> None:
    """Modes, owners, and nothing that only this checkout has."""
    listed = [line.split(maxsplit=5) for line in run("dpkg-deb", "-c", str(package)).splitlines()]
    modes = {row[5].split(" -> ")[0]: row[0] for row in listed}
    assert {row[1] for row in listed} == {"root/root"}
    odd = {name for name, mode in modes.items() if mode[0] != "l" and "w" in mode[4:]}
    assert odd == set()
    assert modes["./etc/slb/slb.yaml"] == "-rw-r-----"
    for name in (
        "./opt/slb/bin/slbd",
        "./usr/sbin/slbd",
        "./usr/sbin/slb-agent",
        "./usr/bin/slbctl",
        "./lib/systemd/system/slbd.service",
        "./lib/systemd/system/slb-agent.service",
        "./usr/share/man/man1/slbctl.1.gz",
        "./usr/share/man/man8/slbd.8.gz",
        "./usr/share/man/man8/slb-agent.8.gz",
        "./usr/share/doc/dpdk-slb/copyright",
        "./usr/share/doc/dpdk-slb/examples/bond-pci.yaml",
        "./usr/share/doc/dpdk-slb/examples/services/checks.yaml",
        "./usr/share/doc/dpdk-slb/examples/sysctl.d/80-slb-hugepages.conf",
        "./usr/share/doc/dpdk-slb/examples/prometheus/slb.rules.yaml",
        "./usr/share/doc/dpdk-slb/examples/prometheus/prometheus.yml",
        "./usr/share/doc/dpdk-slb/examples/grafana/slb.json",
    ):
        assert name in modes
    assert "./usr/sbin/slbd -> /opt/slb/bin/slbd" in {row[5] for row in listed}
    tops = {name.split("/")[1] for name in modes if name != "./"}
    assert tops == {"etc", "lib", "opt", "usr"}
    assert not [
        name for name in modes if re.search(r"/(_?pytest|ruff|mypy|scapy|pip)/|_harness", name)
    ]


def test_no_file_knows_where_it_was_built(package: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "-x", str(package), str(tmp_path / "x"))
    found = subprocess.run(
        ["grep", "-rlF", "-e", str(ROOT), "-e", str(tmp_path.parents[0]), str(tmp_path / "x")],
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""


def test_a_version_that_is_none(tmp_path: Path) -> None:
    done = build(tmp_path, "--version=1.0-1/../x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dev: '1.0-1/../x' is no version of a Debian package\n"


@pytest.fixture(params=["alone"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DebianHost]:
    """A copy of this host, with the packages that it has."""
    folder = tmp_path / "host"
    folder.mkdir()
    try:
        with DebianHost(folder, request.param == "systemd") as made:
            yield made
    except NoHost as why:
        pytest.skip(f"no copy of this host: {why}")


def install(host: DebianHost, package: Path, *options: str) -> str:
    shutil.copy(package, host.file("tmp"))
    # A host that is gone afterwards need not sync its disk.
    return host.run("dpkg", "--force-unsafe-io", *options, "-i", f"/tmp/{package.name}")


def test_its_life(host: DebianHost, package: Path, tmp_path: Path) -> None:
    said = install(host, package)
    assert "dpdk-slb: nothing is started yet. Edit /etc/slb/slb.yaml" in said
    assert host.run("dpkg", "-V", "dpdk-slb") == ""
    assert not host.file(f"{ENABLED}/slbd.service").is_symlink()
    assert re.fullmatch(r"slbd \d+\.\d+\.\d+\n", host.run("slbd", "--version"))
    assert host.run("slb-agent", "--version").startswith("slb-agent ")
    assert host.run("slbctl", "--help").startswith("Usage: slbctl ")
    assert host.run("slbd", "--check") == "slbd: /etc/slb/slb.yaml: good\n"
    assert "systemctl status slbd" in host.run("slbctl", "status", status=1)

    own = host.file("etc/slb/slb.yaml").read_text() + "# the operator's\n"
    host.file("etc/slb/slb.yaml").write_text(own)
    said = install(host, successor(package, tmp_path), "--force-confdef")
    assert "nothing is started" not in said
    assert host.file("etc/slb/slb.yaml").read_text() == own
    assert "# of the next version" in host.file("etc/slb/slb.yaml.dpkg-dist").read_text()
    assert host.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}", "dpdk-slb") == (
        "2.0 installed"
    )

    host.run("dpkg", "-r", "dpdk-slb")
    left = host.written()
    assert [name for name in left if name.startswith("etc")] == [
        "etc/slb/slb.yaml",
        "etc/slb/slb.yaml.dpkg-dist",
    ]

    assert "kept" not in host.run("dpkg", "-P", "dpdk-slb")
    assert host.written() == []


@pytest.mark.parametrize("host", ["systemd"], indirect=True)
def test_under_systemd(host: DebianHost, package: Path) -> None:
    """Nothing starts before it is told to; an upgrade leaves slbd alone; a removal ends both."""
    install(host, package)
    assert units(host) == ["inactive", "inactive"]
    host.run("systemctl", "enable", "--now", "slbd", "slb-agent")
    assert units(host) == ["active", "active"]
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    before = pids(host)

    said = install(host, package)
    assert "slbd goes on as the version before" in said
    slbd, agent = pids(host)
    assert slbd == before[0] and agent != before[1]
    assert host.run("systemctl", "is-enabled", "slbd", "slb-agent") == "enabled\nenabled\n"

    host.run("dpkg", "-r", "dpdk-slb")
    assert units(host) == ["inactive", "inactive"]
    said = host.run("dpkg", "-P", "dpdk-slb")
    assert "dpdk-slb: /var/lib/slb is kept; 'rm -r /var/lib/slb'" in said
    assert "/etc/slb is kept" not in said
    left = [name for name in host.written() if "slb" in name]
    assert left and all(name.startswith("var/lib/slb/") for name in left)


def units(host: DebianHost) -> list[str]:
    """What the two units do."""
    return host.try_run("systemctl", "is-active", "slbd", "slb-agent")[1].split()


def pids(host: DebianHost) -> list[str]:
    """Their processes, that of slbd first."""
    told = host.run("systemctl", "show", "-P", "MainPID", "slbd", "slb-agent")
    return told.split()


def desired(host: DebianHost) -> str:
    """What slbctl status says of the desired state."""
    facts = json.loads(host.try_run("slbctl", "status", "--json", "--over", "0.1")[1])["facts"]
    return str(facts["desired"]["slbd"]) if facts["desired"] else ""
