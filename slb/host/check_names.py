# SPDX-License-Identifier: BSD-3-Clause
"""What slbd takes by name, and who has it already: its socket, interfaces, BIRD's files, OSPF."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from slb.config.defaults import bird_directory, has_kernel_interface
from slb.host.facts import Facts, answers
from slb.host.files import Host, number, text
from slb.host.finding import Finding, error, ok, warning
from slb.host.processes import running, words
from slb.model.config import Config, Port

OSPF_PROTOCOL = 89
# sun_path holds 108 bytes with the closing NUL.
SOCKET_PATH_MAX = 107


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each kind of name."""
    yield _processes(facts)
    config = facts.config
    if config is None:
        return
    yield _socket(facts, config)
    if facts.running:
        return
    yield from _interfaces(facts, config)
    if config.ospf.mode == "managed":
        yield _managed_bird(facts.host, config)
    if config.ospf.mode == "system":
        yield _system_bird(facts.host, config)


def _processes(facts: Facts) -> Finding:
    found = running(facts.host, "slbd")
    if not found:
        return ok("slbd", "none runs")
    pids = " ".join(str(process.pid) for process in found)
    if facts.running or facts.config is None:
        return ok("slbd", f"runs, pid {pids}")
    text = f"pid {pids} runs, and nobody serves {facts.config.api.socket}"
    return warning("slbd", text, f"if it is left over: kill {pids}")


def _socket(facts: Facts, config: Config) -> Finding:
    path = config.api.socket
    if facts.running:
        return ok("api socket", f"{path}: an slbd serves it")
    there = facts.host.at(path)
    try:
        if not stat.S_ISSOCK(os.lstat(there).st_mode):
            return error("api socket", f"{path} exists and is no socket", f"rm {path}")
    except FileNotFoundError:
        return ok("api socket", f"{path} is free")
    except OSError as failure:
        fix = "run this as root, or change api.socket"
        return error("api socket", f"{path}: {failure.strerror}", fix)
    return ok("api socket", f"{path} is left over; slbd replaces it")


def _interfaces(facts: Facts, config: Config) -> Iterator[Finding]:
    taken = 0
    for port in config.ports:
        for name, key in _names(port):
            if (facts.host.sys / "class/net" / name).exists():
                taken += 1
                fix = f"ip link del {name}, or change {key} of port {port.name}"
                yield error("interface", f"there is an interface {name} already", fix)
    if not taken:
        names = [name for port in config.ports for name, _ in _names(port)]
        yield ok("interface", f"{', '.join(names) or 'no name'} to be made, none taken")


def _names(port: Port) -> Iterator[tuple[str, str]]:
    if has_kernel_interface(port) and port.kernel_interface.name:
        yield port.kernel_interface.name, "kernel_interface.name"
    for device in port.devices():
        driver, *arguments = device.split(",")
        for argument in arguments:
            key, _, value = argument.partition("=")
            if driver.startswith("net_tap") and key == "iface" and value:
                yield value, "the device's iface="


def _managed_bird(host: Host, config: Config) -> Finding:
    directory = bird_directory(config)
    control = directory / "bird.ctl"
    if len(os.fsencode(control)) > SOCKET_PATH_MAX:
        return error("bird files", f"{control}: too long for a socket", "shorten api.socket")
    there = host.at(str(directory))
    if there.exists() and not there.is_dir():
        return error("bird files", f"{directory} is no directory", f"rm {directory}")
    if (pid := number(there / "bird.pid")) and _serves(host, pid, directory):
        text = f"a BIRD of an earlier slbd runs, pid {pid}; slbd ends it when it starts"
        return ok("bird files", text)
    if speakers := _ospf_sockets(host):
        text = f"{speakers} sockets of OSPF are open: another OSPF daemon runs on this host"
        fix = "stop it, or ospf.mode: system if it is BIRD and is to announce for slbd as well"
        return warning("bird files", text, fix)
    return ok("bird files", f"{directory} is free")


def _system_bird(host: Host, config: Config) -> Finding:
    ospf = config.ospf
    if not answers(host, ospf.control_socket):
        text = f"no BIRD answers at {ospf.control_socket} (ospf.control_socket)"
        return error("bird socket", text, "systemctl start bird")
    if not host.at(ospf.include_file).parent.is_dir():
        folder = Path(ospf.include_file).parent
        return error("bird socket", f"no directory for {ospf.include_file}", f"mkdir {folder}")
    return ok("bird socket", f"BIRD answers at {ospf.control_socket}")


def _serves(host: Host, pid: int, directory: Path) -> bool:
    return str(directory / "bird.conf") in words(host.proc / str(pid))


def _ospf_sockets(host: Host) -> int:
    """Raw sockets of OSPF in this namespace: proc(5), the local address's port is the protocol."""
    lines = [
        line.split()
        for name in ("net/raw", "net/raw6")
        for line in text(host.proc / name).splitlines()[1:]
    ]
    ends = [fields[1].rpartition(":")[2] for fields in lines if len(fields) > 1]
    return sum(end == f"{OSPF_PROTOCOL:04X}" for end in ends)
