# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package: what is in it, and its life on a host from installation to purge."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.debian_host import DebianHost, NoHost

from rig.waiting import wait

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
ENABLED = "etc/systemd/system/multi-user.target.wants"
ADDED = "10.96.0.20:80/tcp"
DEAD = "10.10.0.9:80"

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
        "./usr/lib/sysctl.d/50-slb-ping.conf",
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
def test_under_systemd(host: DebianHost, package: Path, tmp_path: Path) -> None:
    """Nothing starts before it is told to; an upgrade leaves slbd alone; a removal ends both."""
    install(host, package)
    assert units(host) == ["inactive", "inactive"]
    # For health checks of type icmp, from now on.
    assert host.run("cat", "/proc/sys/net/ipv4/ping_group_range") == "0\t2147483647\n"
    host.run("systemctl", "enable", "slbd", "slb-agent")
    # The second one's start meets the first one's under way, as at boot.
    host.run("systemctl", "start", "slbd", "slb-agent")
    assert units(host) == ["active", "active"]
    (ready,) = moments(host, "slbd", "ActiveEnter")
    (began,) = moments(host, "slb-agent", "ExecMainStart")
    assert 0 < ready <= began
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    host.run("slbctl", "vs", "add", ADDED)
    before = pids(host)

    said = install(host, successor(package, tmp_path))
    assert "slbd goes on as the version before" in said
    slbd, agent = pids(host)
    assert slbd == before[0] and agent != before[1]
    assert host.run("systemctl", "is-enabled", "slbd", "slb-agent") == "enabled\nenabled\n"
    wait(lambda: desired(host) == "applied", PATIENCE_S, "the desired state, as it was")
    assert ADDED in host.run("slbctl", "vs", "list")
    # Nobody had changed it.
    assert "# of the next version" in host.file("etc/slb/slb.yaml").read_text()

    host.file("etc/slb/agent.yaml").write_text("# the operator's\n")
    host.run("dpkg", "-r", "dpdk-slb")
    assert units(host) == ["inactive", "inactive"]
    kept = [name for name in host.written() if name.startswith("var/lib/slb/state-")]
    install(host, package)
    host.file("etc/slb/agent.yaml").unlink()
    host.run("systemctl", "start", "slbd", "slb-agent")
    wait(lambda: desired(host) == "applied", PATIENCE_S, "the desired state that was kept")
    assert kept and ADDED in host.run("slbctl", "vs", "list")

    host.file("etc/slb/agent.yaml").write_text("# the operator's\n")
    said = host.run("dpkg", "-P", "dpdk-slb")
    assert "dpdk-slb: /etc/slb is kept; 'rm -r /etc/slb'" in said
    assert [name for name in host.written() if "slb" in name] == ["etc/slb/agent.yaml"]


@pytest.mark.parametrize("host", ["systemd"], indirect=True)
def test_the_journal(host: DebianHost, package: Path, tmp_path: Path) -> None:
    """Entries have their priority and program, and fields for what they are about."""
    install(host, package)
    host.run("systemctl", "start", "slbd", "slb-agent")
    wait(lambda: desired(host) == "applied", PATIENCE_S, "what slb.yaml says, taken over")
    (ready,) = [row for row in journal(host, "slbd") if row["MESSAGE"].startswith("ready, ")]
    assert (ready["PRIORITY"], ready["SYSLOG_IDENTIFIER"]) == ("6", "slbd")
    assert ready["SLB_LOGGER"] == "slb.daemon.daemon" and ready["_PID"] == pids(host)[0]

    # Nobody answers.
    check = "tcp,interval_s=0.3,timeout_s=0.2,fall=1"
    host.run("slbctl", "vs", "add", ADDED, "--rs", DEAD, "--health", check)
    told = ("SLB_EVENT=rs_down", f"SLB_VS={ADDED}", f"SLB_RS={DEAD}")
    wait(lambda: journal(host, "slb-agent", *told), PATIENCE_S, "the event")
    (down,) = journal(host, "slb-agent", *told)
    assert down["PRIORITY"] == "4" and down["MESSAGE"].startswith(f"rs_down: vs {ADDED}, rs {DEAD}")
    (who,) = journal(host, "slb-agent", "SLB_METHOD=POST", "SLB_PATH=/v1/vs")
    assert (who["SLB_WHO"], who["SLB_OWNER"]) == ("uid 0", "operator")
    assert who["SLB_CHANGE"] == f"+ vs {ADDED}"
    assert str(json.loads(who["MESSAGE"])["status"]) == who["SLB_STATUS"]

    host.file("etc/slb/slb.yaml").write_text("ports: []\n")
    host.run("systemctl", "reload", "slbd")
    found = lambda: journal(host, "slbd", "PRIORITY=3")  # noqa: E731
    wait(lambda: "reload refused" in str(found()), PATIENCE_S, "the error")
    host.run("slbctl", "support-bundle", "/tmp/bundle.tar.gz", "--limit", "5")
    with tarfile.open(host.file("tmp/bundle.tar.gz")) as archive:
        (log,) = [name for name in archive.getnames() if name.endswith("logs/slb-agent.txt")]
        text = archive.extractfile(log).read().decode()  # type: ignore[union-attr]
    assert f"rs_down: vs {ADDED}" in text


@pytest.mark.parametrize("host", ["systemd"], indirect=True)
def test_who_crashes_again_and_again_waits(host: DebianHost, package: Path) -> None:
    """systemd says so; whoever starts it by hand need not wait."""
    install(host, package)
    host.run("systemctl", "start", "slbd")
    for restarts in (1, 2):
        host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "slbd")
        number = str(restarts)
        wait(lambda number=number: shown(host, "NRestarts") == number, PATIENCE_S, "a restart")  # type: ignore[misc]
        if restarts == 1:
            wait(lambda: units(host)[0] == "active", PATIENCE_S, "it forwards")
    wait(lambda: "since 2 starts" in shown(host, "StatusText"), PATIENCE_S, "the word of it")
    assert shown(host, "StatusText") == "waiting 2 s, since 2 starts came to nothing"
    wait(lambda: units(host)[0] == "active", PATIENCE_S, "it forwards again")
    assert shown(host, "StatusText") == "forwarding"
    host.run("systemctl", "restart", "slbd")
    for _ in range(2):
        host.run("systemctl", "stop", "slbd")
        assert not host.file("run/slb").exists()
        host.run("systemctl", "start", "slbd")
    assert "waiting" not in str(journal(host, "slbd")[-6:])


def units(host: DebianHost) -> list[str]:
    """What the two units do."""
    return host.try_run("systemctl", "is-active", "slbd", "slb-agent")[1].split()


def shown(host: DebianHost, name: str) -> str:
    """A property of slbd's unit."""
    return host.run("systemctl", "show", "-P", name, "slbd").strip()


def moments(host: DebianHost, unit: str, *events: str) -> list[int]:
    """When things happened to a unit, in microseconds."""
    names = [f"-P{event}TimestampMonotonic" for event in events]
    return [int(line) for line in host.run("systemctl", "show", *names, unit).split()]


def journal(host: DebianHost, unit: str, *matches: str) -> list[dict[str, str]]:
    """The entries of a unit, those that match."""
    words = ("-q", "-u", unit, "-o", "json", *matches)
    return [json.loads(line) for line in host.run("journalctl", *words).splitlines()]


def pids(host: DebianHost) -> list[str]:
    """Their processes, that of slbd first."""
    told = host.run("systemctl", "show", "-P", "MainPID", "slbd", "slb-agent")
    return told.split()


def desired(host: DebianHost) -> str:
    """What slbctl status says of the desired state."""
    facts = json.loads(host.try_run("slbctl", "status", "--json", "--over", "0.1")[1])["facts"]
    return str(facts["desired"]["slbd"]) if facts["desired"] else ""
