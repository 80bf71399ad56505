# SPDX-License-Identifier: BSD-3-Clause
"""The set of services as it is read from the engine's rows."""

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("slb._engine", reason="the engine is not built")

from slb.engine import marshal, read, rows
from slb.engine.binding import ffi, lib
from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import VsTimeouts
from slb.model.service import RealServer, Service

WEB, DNS = VsKey.parse("10.96.0.9:80/tcp"), VsKey.parse("[2001:db8::1]:53/udp")
GONE = VsKey.parse("10.96.0.7:80/tcp")
RS = [Endpoint.parse(text) for text in ("10.10.0.10:80", "10.10.0.9:80", "[2001:db8:1::1]:53")]


class Rows:
    """Stands in for the library's listings."""

    def __init__(self, real: Sequence[tuple[VsKey, Endpoint, int, int]]) -> None:
        self._real = real

    def slb_vs_list(self, out: Any, room: int) -> int:
        for row, vs in zip(out, (DNS, WEB), strict=False):
            marshal.put_endpoint(row.vs, vs)
            row.traffic.in_packets = 1 << 63
        out[0].scheduler, out[0].one_packet = lib.SLB_SCHED_WRR, 1
        marshal.put_timeouts(out[0].timeout_s, {"udp_replied": 7})
        out[1].scheduler, out[1].syn_proxy = lib.SLB_SCHED_SH, 1
        return 2

    def slb_rs_list(self, out: Any, room: int) -> int:
        for row, (vs, rs, weight, removed) in zip(out, self._real, strict=False):
            marshal.put_endpoint(row.vs, vs)
            marshal.put_endpoint(row.rs, rs)
            row.weight, row.removed, row.traffic.active = weight, removed, 5
        return len(self._real)


def test_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordered by VS and RS; without what is removed, and RS of a VS that is not there."""
    real = [
        (WEB, RS[0], 1000, 0),
        (DNS, RS[2], 0, 0),
        (WEB, RS[1], 3, 0),
        (WEB, RS[2], 3, 1),
        (GONE, RS[1], 3, 0),
    ]
    monkeypatch.setattr(read, "lib", Rows(real))
    assert read.service_list() == [
        Service(WEB, "sh", (RealServer(RS[1], 3), RealServer(RS[0], 1000)), syn_proxy=True),
        Service(DNS, "wrr", (RealServer(RS[2], 0),), True, VsTimeouts(udp_replied=7)),
    ]


def test_a_layout_is_that_of_the_declaration() -> None:
    """Of fields in fields too; what is not named is zero."""
    packer = rows.layout("struct slb_rs_info", "vs.addr.family", "rs", "weight", "removed")
    row = ffi.new("struct slb_rs_info *")
    row.vs.addr.family, row.weight, row.removed = 6, 513, 1
    marshal.put_endpoint(row.rs, RS[0])
    octets = bytes(ffi.buffer(row))
    fields = packer.unpack(octets)
    assert (fields[0], *fields[2:]) == (6, 513, 1)
    assert marshal.rs_of(fields[1]) == RS[0]
    assert packer.pack(*fields) == octets
