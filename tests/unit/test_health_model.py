# SPDX-License-Identifier: BSD-3-Clause
"""`health` of a service: in a file with every mistake told, as JSON, in digests and differences."""

from io import BytesIO

import pytest
from msgspec.structs import replace
from unit.agent_values import service

from slb.config import check_services
from slb.errors import ConfigError
from slb.health import difference
from slb.model import codec
from slb.model.desired import digest
from slb.model.health import Passive, TcpCheck
from slb.model.service import Service, ServiceSet
from slbctl import service_file

HEAD = 'services:\n- vs: "10.96.0.1:80/tcp"\n  health: '
KINDS = "tcp, http, https, udp, dns, icmp, grpc, grpcs, command, none"
AT = "f:3: services[0].health"
RULES = ", ".join(Passive.__struct_fields__)


def problems(health: str) -> list[str]:
    """The lines that a file with that `health` is refused with."""
    with pytest.raises(ConfigError) as error:
        service_file.read(BytesIO(f"{HEAD}{health}\n".encode()), "f")
    return list(error.value.problems)


@pytest.mark.parametrize(
    ("health", "lines"),
    [
        ("{type: tcp, raise: 2}", [f"{AT}.raise: no such key; did you mean `rise`?"]),
        (
            "{type: tcp, fall: 0}",
            [f"{AT}.fall: 0 is not valid; write a whole number from 1 to 100"],
        ),
        ("{type: ping}", [f"{AT}.type: 'ping' is not valid; write one of {KINDS}"]),
        ("{fall: 2}", [f"{AT}.type: is missing; add `type:` with one of {KINDS}"]),
        ("{type: dns}", [f"{AT}.name: is missing; add `name:` with a name, www.example.org"]),
        (
            "{type: dns, name: a..b}",
            [f"{AT}.name: 'a..b' is not valid; write a name, www.example.org"],
        ),
        ("{type: icmp, port: 7}", [f"{AT}: port is not for icmp; remove it"]),
        ("{type: udp, send: 'hex:0'}", [f"{AT}: 'hex:0': hex: is for pairs of hexadecimal digits"]),
        (
            "{type: http, path: healthz, status: [99]}",
            [
                f"{AT}.path: 'healthz' is not valid; write a path, /healthz",
                f'{AT}.status[0]: 99 is not valid; write a status or a range, 200 or "200-299"',
            ],
        ),
        (
            "{type: https, verify: true}",
            [f"{AT}: verify needs host, the name that the certificate is for"],
        ),
        (
            "{type: grpcs, verify: true, reuse_s: 4000}",
            [
                f"{AT}.reuse_s: 4000 is not valid; write a number from 0 to 3600",
                f"{AT}: verify needs host, the name that the certificate is for",
            ],
        ),
        (
            "{type: dns, name: x, protocol: tls}",
            [f"{AT}.protocol: 'tls' is not valid; write one of tcp, udp"],
        ),
        (
            "{type: tcp, timeout_s: 5}",
            [f"{AT}: timeout_s is longer than interval_s; make it shorter"],
        ),
        (
            "{type: none}",
            [f"{AT}.passive: is missing; add `passive:` with a mapping with {RULES}"],
        ),
        (
            "{type: none, fall: 2, passive: {window: 5, eject_s: 0}}",
            [
                f"{AT}.fall: no such key; known here: passive, down, max_ejected_percent",
                f"{AT}.passive.window: no such key; did you mean `window_s`?",
                f"{AT}.passive.eject_s: 0 is not valid; write a whole number from 1 to 86400",
            ],
        ),
        (
            "{type: tcp, passive: {eject_s: 400}}",
            [f"{AT}.passive: max_eject_s is shorter than eject_s; make it longer"],
        ),
        (
            "{type: tcp, passive: {unanswered_percent: 0, refused_percent: 0}}",
            [f"{AT}.passive: all thresholds are 0; leave passive out, or give one"],
        ),
        (
            "{type: tcp, passive: {latency_factor: 0.5}}",
            [f"{AT}.passive: latency_factor is at most 1; make it greater, or 0"],
        ),
        (
            "{type: tcp, down: end, interval_s: 0}",
            [
                f"{AT}.interval_s: 0 is not valid; write a number from 0.1 to 3600",
                f"{AT}.down: 'end' is not valid; write one of drain, keep, reset",
            ],
        ),
    ],
)
def test_a_mistake_in_a_file(health: str, lines: list[str]) -> None:
    assert sorted(problems(health)) == sorted(lines)


def test_a_file_comes_out_as_it_went_in() -> None:
    read = service_file.read(
        BytesIO(f"{HEAD}{{type: tcp, port: 81, timeout_s: 0.25}}\n".encode()), "f"
    )
    (one,) = read.services
    assert one.health == TcpCheck(port=81, timeout_s=0.25)
    (again,) = service_file.read(BytesIO(_written(one)), "f").services
    assert again == one


def test_what_has_no_checks_is_as_ever() -> None:
    """Neither slbd's answers nor the digests that controllers make know of the key."""
    bare, checked = service(1, 1), replace(service(1, 1), health=TcpCheck())
    assert b"health" not in codec.encode(bare)
    assert codec.encode(checked).endswith(b'"health":{"type":"tcp"}}')
    assert digest([bare]) != digest([checked])
    assert list(check_services.services([bare], [])) != []
    found = [path for path, _ in check_services.services([checked], [])]
    assert ("services", 0, "health") in found


def test_a_difference_in_words() -> None:
    bare, checked = service(1, 1), replace(service(1, 1), health=TcpCheck(fall=2))
    vs = bare.vs
    assert difference.lines([bare], [checked]) == [f"~ vs {vs} health none -> tcp fall 2"]
    assert difference.lines([checked], [bare]) == [f"~ vs {vs} health tcp fall 2 -> none"]
    assert difference.lines([], [checked]) == [f"~ vs {vs} health none -> tcp fall 2"]
    assert difference.lines([checked], [replace(checked, scheduler="sh")]) == []
    assert difference.lines([checked], []) == []


def _written(one: Service) -> bytes:
    return service_file.write(ServiceSet((one,))).encode()
