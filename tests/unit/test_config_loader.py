# SPDX-License-Identifier: BSD-3-Clause
"""A wrong file gives `FILE:LINE: FIELD: what is wrong; what to do`, one line for each mistake."""

from pathlib import Path

import pytest

from slb.config.loader import load, parse
from slb.errors import ConfigError
from slb.model.config import Config

GOOD = """\
engine:
  workers: 1
ports:
  - name: lan0
    device: "net_tap0,iface=lan0"
    addresses: [192.0.2.2/24]
    local_addresses: [198.18.0.1]
service_subnets: [10.96.0.0/16]
"""


def problems(text: str, cpus: int = 4) -> list[str]:
    """The lines that a text is refused with."""
    with pytest.raises(ConfigError) as error:
        parse("slb.yaml", text, range(cpus))
    return list(error.value.problems)


def good(extra: str = "", cpus: int = 4) -> Config:
    """The config of GOOD with more lines behind it."""
    return parse("slb.yaml", GOOD + extra, range(cpus))


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "  workers: 1",
            "  worker: 1",
            ["slb.yaml:2: engine.worker: no such key; did you mean `workers`?"],
        ),
        (
            "  workers: 1",
            "  workers: two",
            ["slb.yaml:2: engine.workers: 'two' is not valid; write a whole number from 1 to 32"],
        ),
        (
            "  workers: 1",
            "  workers: 1.5",
            ["slb.yaml:2: engine.workers: 1.5 is not valid; write a whole number from 1 to 32"],
        ),
        (
            "  workers: 1",
            f"  workers: {'9' * 50}",
            [
                f"slb.yaml:2: engine.workers: '{'9' * 50}' is not valid; "
                "write a whole number from 1 to 32"
            ],
        ),
        (
            "  workers: 1",
            "  hugepages: yes",
            ["slb.yaml:2: engine.hugepages: 'yes' is not valid; write true or false"],
        ),
        (
            "  workers: 1",
            "  idle: {workers: never}",
            [
                "slb.yaml:2: engine.idle.workers: 'never' is not valid; "
                "write one of adaptive, auto, busy, or a list of them"
            ],
        ),
        (
            "engine:\n",
            "tcp: {mss: 9001, no_session: rst}\nengine:\n",
            [
                "slb.yaml:1: tcp.mss: 9001 is not valid; "
                "write auto, off, or a whole number from 536 to 9000",
                "slb.yaml:1: tcp.no_session: 'rst' is not valid; write one of drop, reset",
            ],
        ),
        (
            "engine:\n",
            "tcp: {mss: none}\nengine:\n",
            [
                "slb.yaml:1: tcp.mss: 'none' is not valid; "
                "write auto, off, or a whole number from 536 to 9000",
            ],
        ),
        (
            "  - name: lan0\n",
            "  - name: lan0\n    vlan: 4095\n",
            ["slb.yaml:5: ports[0].vlan: 4095 is not valid; write a whole number from 0 to 4094"],
        ),
        (
            "  workers: 1",
            "  file_prefix: ../etc",
            [
                "slb.yaml:2: engine.file_prefix: '../etc' is not valid; "
                "write a name: at most 24 letters, digits, _ -"
            ],
        ),
        (
            "  workers: 1",
            "  idle: {workers: [busy, 3]}",
            [
                "slb.yaml:2: engine.idle.workers[1]: 3 is not valid; "
                "write one of adaptive, auto, busy"
            ],
        ),
        (
            "engine:\n  workers: 1",
            "engine: 5",
            [
                "slb.yaml:1: engine: 5 is not valid; write a mapping with workers, workers_max, "
                "cpus, idle, hugepages, memory_mb, sessions, sessions6, mbufs, vs_max, rs_max, "
                "log_level, telemetry, shared_memory, file_prefix"
            ],
        ),
        (
            "  - name: lan0\n",
            "  - mtu: 1500\n",
            [
                "slb.yaml:4: ports[0].name: is missing; add `name:` with "
                "a name: at most 31 letters, digits, _ . -"
            ],
        ),
        (
            "[192.0.2.2/24]",
            '["fe80::2%eth0/64"]',
            [
                "slb.yaml:6: ports[0].addresses[0]: 'fe80::2%eth0/64' names a scope; "
                "write the address alone"
            ],
        ),
        (
            "[192.0.2.2/24]",
            "[192.0.2.2/24, 5]",
            [
                "slb.yaml:6: ports[0].addresses[1]: 5 is not valid; "
                "write an address with a prefix length, 192.0.2.2/24"
            ],
        ),
        (
            "[10.96.0.0/16]",
            "[10.96.0.1/16]",
            [
                "slb.yaml:8: service_subnets[0]: '10.96.0.1/16' has bits set in its host part; "
                "write 10.96.0.0/16"
            ],
        ),
        (
            "ports:\n",
            "engine: {}\nports:\n",
            ["slb.yaml:3: engine: is given twice, first on line 1; remove one of them"],
        ),
        (
            "ports:\n",
            "ospf: {network_type: nbma}\nports:\n",
            ["slb.yaml:3: ospf.network_type: 'nbma' is not valid; write one of broadcast, ptp"],
        ),
    ],
)
def test_one_mistake(old: str, new: str, lines: list[str]) -> None:
    assert old in GOOD
    assert problems(GOOD.replace(old, new)) == lines


def test_every_mistake_of_a_file_is_told_in_its_order() -> None:
    text = (
        "ports:\n"
        "  - {name: 'a b', device: x}\n"
        "  - {device: 7}\n"
        "  - {name: c, device: y, mtu: 1, color: red}\n"
        "timeouts:\n"
        "  tcp_close: 0\n"
    )
    found = [line.partition("; ")[0] for line in problems(text)]
    assert found == [
        "slb.yaml:2: ports[0].name: 'a b' is not valid",
        "slb.yaml:3: ports[1].device: 7 is not valid",
        "slb.yaml:3: ports[1].name: is missing",
        "slb.yaml:4: ports[2].color: no such key",
        "slb.yaml:4: ports[2].mtu: 1 is not valid",
        "slb.yaml:6: timeouts.tcp_close: 0 is not valid",
    ]


def test_a_place_in_a_list_is_that_of_the_file_after_others_were_wrong() -> None:
    found = problems(GOOD.replace("[198.18.0.1]", "[x, 198.18.0.1, y]"))
    assert [line.split(": ")[1] for line in found] == [
        "ports[0].local_addresses[0]",
        "ports[0].local_addresses[2]",
    ]


def test_no_more_than_twenty_lines() -> None:
    many = problems(GOOD + "services:\n" + "  - {vs: x}\n" * 500)
    assert len(many) == 20


@pytest.mark.parametrize("text", ["", "[]", "5", "nonsense"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith("slb.yaml:1: ")
    assert "write a mapping with ports" in found[0]


def test_a_syntax_error_names_the_line() -> None:
    assert problems("a: [\n")[0].startswith("slb.yaml:2: ")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"a: 1\nb: \xff\n", ":2: byte 0xff is not UTF-8; save the file as UTF-8"),
        (None, ": cannot be read: No such file or directory; check the path"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, raw: bytes | None, sentence: str) -> None:
    path = tmp_path / "slb.yaml"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(ConfigError) as error:
        load(str(path))
    assert error.value.problems == (f"{path}{sentence}",)


def test_a_directory_and_an_endless_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(str(tmp_path))
    with pytest.raises(ConfigError, match="larger than 64 MiB"):
        load("/dev/zero")


def test_a_name_cannot_write_to_the_terminal() -> None:
    with pytest.raises(ConfigError) as error:
        load("/nowhere/\x1b[31m\n")
    assert str(error.value).isprintable()


def test_defaults_are_written_out() -> None:
    config = good("ospf: {mode: managed}\n")
    assert config.ports[0].kernel_interface.name == "slb0"
    assert config.ospf.interfaces == ("slb0",)
    assert str(config.ospf.router_id) == "192.0.2.2"
    assert config.engine.cpus.workers == (1,)
    assert config.engine.idle.workers == ("adaptive",), "every port is virtual"


@pytest.mark.parametrize(
    ("engine", "cpus", "workers", "idle"),
    [
        ("workers: 1", 4, (1,), "busy"),
        ("workers: 3", 4, (1, 2, 3), "busy busy busy"),
        ("workers: 2", 2, (1, 0), "busy adaptive"),
        ("workers: 1", 1, (0,), "adaptive"),
        ("{workers: 2, cpus: {workers: [1, 1]}}", 4, (1, 1), "adaptive adaptive"),
        ("{workers: 3, cpus: {workers: [1, 2, 1]}}", 4, (1, 2, 1), "adaptive busy adaptive"),
        ("{workers: 2, cpus: {workers: [2, 3], kni: 3}}", 4, (2, 3), "busy adaptive"),
        ("{workers: 1, idle: {workers: busy}}", 1, (0,), "busy"),
        ("{workers: 2, idle: {workers: busy}}", 2, (1, 0), "busy busy"),
        ("{workers: 2, idle: {workers: [adaptive, busy]}}", 2, (1, 0), "adaptive busy"),
        ("{workers: 2, idle: {workers: [auto, auto]}}", 2, (1, 0), "busy adaptive"),
    ],
)
def test_cpus_and_idle_policy(engine: str, cpus: int, workers: tuple[int, ...], idle: str) -> None:
    text = GOOD.replace("  workers: 1", f"  {engine}").replace(
        "198.18.0.1", "198.18.0.1-198.18.0.3"
    )
    if engine.startswith("{"):
        text = text.replace(f"engine:\n  {engine}", f"engine: {engine}")
    config = parse("slb.yaml", text.replace("net_tap0,iface=lan0", "0000:3b:00.0"), range(cpus))
    assert config.engine.cpus.workers == workers
    assert config.engine.idle.workers == tuple(idle.split())


def test_a_process_that_may_not_use_cpu_0_needs_no_word_about_it() -> None:
    cpus = parse("slb.yaml", GOOD.replace("198.18.0.1", "198.18.0.1-198.18.0.3"), (6, 2, 3))
    assert (cpus.engine.cpus.workers, cpus.engine.cpus.admin, cpus.engine.cpus.kni) == ((3,), 2, 2)


def test_a_file_with_many_services_is_read_in_a_moment() -> None:
    rows = "".join(
        f"  - vs: 10.96.{n >> 8}.{n & 255}:80/tcp\n    rs: [{{rs: '10.10.0.1:80'}}]\n"
        for n in range(2000)
    )
    assert len(good(f"services:\n{rows}").services) == 2000
