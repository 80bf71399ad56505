# SPDX-License-Identifier: BSD-3-Clause
"""Reading what `birdc -v -r` prints; no I/O here.

A line begins with a four-digit code, or with five blanks when the code above still holds. Codes
from 8000 on are errors. The reply's end is not printed, so each reader insists on something that a
complete reply must have: a header, or a count that agrees with the rows. All else is an OspfError.
"""

import re
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network

from ospf.model import Family, Network, ordered
from slb.errors import OspfError
from slb.model.views import OspfNeighbour

READY = 1
UP = 13
_PROTOCOLS, _ROUTES, _NEIGHBOURS, _STATE, _LSAS = 1002, 1007, 1013, 1016, 1017
_FIRST_ERROR = 8000
_SHOWN = 120

_IP = r"(\d{1,3}(?:\.\d{1,3}){3})"
_LINE = re.compile(r"(\d{4})(?:[ -](.*))?")
_STATES = "Down|Attempt|Init|2-Way|ExStart|Exchange|Loading|Full"
_ADDRESS = r"([0-9a-f:.]{2,45})"
_NEIGHBOUR = re.compile(rf"{_IP}\s+\d+\s+((?:{_STATES})/\w+)\s+[\d.]+\s+(\S+)\s+{_ADDRESS}")
_PREFIX = r"([0-9a-f:.]{2,45}/\d{1,3})"
_LSA = re.compile(rf"([0-9a-f]{{4}})\s+{_IP}\s+{_IP}\s+[0-9a-f]{{8}}\s+\d+\s+[0-9a-f]{{4}}")
_STUB = re.compile(rf"stubnet {_PREFIX} metric \d+")
_STATE_ROW = re.compile(r"(?:area|router|x?network|distance|external|xrouter|unreachable)\b.*|")
_LSA_HEADING = re.compile(r"Global|Area .*|Link .*|Type\s+LS ID\s.*|")


@dataclass(frozen=True)
class Reply:
    """The lines of a reply, each with its code."""

    lines: tuple[tuple[int, str], ...]

    def rows(self, code: int) -> list[str]:
        """Texts of the lines that carry `code`, without the blanks around them."""
        return [text.strip() for number, text in self.lines if number == code]


def parse(output: bytes) -> Reply:
    """Split what birdc printed; raises OspfError, with BIRD's own words when it refused."""
    lines: list[tuple[int, str]] = []
    for line in output.decode(errors="replace").rstrip("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match:
            lines.append((int(match[1]), match[2] or ""))
        elif lines and line.startswith("     "):
            lines.append((lines[-1][0], line))
        else:
            raise OspfError(f"birdc: {clean(line)}" if line else "birdc: it said nothing")
    for code, text in lines:
        if code >= _FIRST_ERROR:
            raise OspfError(f"BIRD refuses: {clean(text)}")
    if lines[0][0] != READY:
        raise OspfError(f"birdc: no greeting from BIRD but {clean(lines[0][1])!r}")
    return Reply(tuple(lines))


def protocol(reply: Reply, family: Family) -> None:
    """Read `show protocols` of our OSPF; raises OspfError when it is not there."""
    if not any(row.split()[:1] == [family.ospf] for row in reply.rows(_PROTOCOLS)):
        raise _cut("show protocols")


def is_not_up(reply: Reply, family: Family) -> bool:
    """Tell by the reply to `show ospf neighbors` whether this OSPF is down as a whole."""
    return reply.rows(_NEIGHBOURS) == [f"{family.ospf}: is not up"]


def neighbours(reply: Reply, family: Family) -> tuple[OspfNeighbour, ...]:
    """Read `show ospf neighbors`; raises OspfError."""
    rows = reply.rows(_NEIGHBOURS)
    if is_not_up(reply, family):
        return ()
    if rows[:1] != [f"{family.ospf}:"] or not rows[1:2] or not rows[1].startswith("Router ID"):
        raise _cut("show ospf neighbors")
    return tuple(_neighbour(row, family) for row in rows[2:])


def announced(reply: Reply, family: Family) -> tuple[Network, ...]:
    """Read `show route ... stats` of our static protocol; raises OspfError."""
    rows = reply.rows(_ROUTES)
    route, total = _table_rows(family)
    count = total.fullmatch(rows[-1]) if rows else None
    if count is None or rows[0] != f"Table {family.table}:" or len(rows) - 2 != int(count[1]):
        raise _cut("show route")
    return ordered(_prefix(row, route, family) for row in rows[1:-1])


def external_lsas(reply: Reply, family: Family) -> int:
    """Count the external LSAs in `show ospf lsadb self`; raises OspfError."""
    rows = reply.rows(_LSAS)
    if rows == [f"{family.ospf}: is not up"]:
        return 0
    kinds: list[str] = []
    for row in rows:
        if match := _LSA.fullmatch(row):
            kinds.append(match[1])
        elif not _LSA_HEADING.fullmatch(row):
            raise _strange(row)
    # A router that is up always has a router LSA of its own.
    if family.router_lsa not in kinds:
        raise _cut("show ospf lsadb")
    return kinds.count(family.external_lsa)


def stub_networks(reply: Reply, router_id: str, family: Family) -> set[str]:
    """Read a router's own networks in `show ospf state`; raises OspfError.

    Of what was cut off nothing is known here: who waits for them to go may wait too short a time.
    """
    rows = reply.rows(_STATE)
    if rows == [f"{family.ospf}: is not up"]:
        return set()
    found: set[str] = set()
    # A router that is up sees itself.
    if (own := f"router {router_id}") not in rows:
        raise _cut("show ospf state")
    for row in rows[rows.index(own) + 1 :]:
        if match := _STUB.fullmatch(row):
            found.add(match[1])
        elif not _STATE_ROW.fullmatch(row):
            raise _strange(row)
        elif row.startswith("router"):
            break
    return found


def clean(text: str) -> str:
    """Make foreign text fit for one line of ours."""
    shown = "".join(c if c.isprintable() else " " for c in text).strip()
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."


@cache
def _table_rows(family: Family) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What a row for a route looks like, and the last row, which counts them."""
    route = re.compile(rf"{_PREFIX}\s+blackhole \[{family.announce} [^\]]*\].*")
    return route, re.compile(rf"(\d+) of \d+ routes for \d+ networks in table {family.table}")


def _neighbour(row: str, family: Family) -> OspfNeighbour:
    match = _NEIGHBOUR.fullmatch(row)
    if match is None:
        raise _strange(row)
    try:
        router_id, address = IPv4Address(match[1]), ip_address(match[4])
    except ValueError:
        raise _strange(row) from None
    if address.version != family.version:
        raise _strange(row)
    state = match[2]
    return OspfNeighbour(
        router_id=str(router_id),
        address=str(address),
        interface=clean(match[3]),
        state=state,
        full=state.startswith("Full/"),
    )


def _prefix(row: str, route: re.Pattern[str], family: Family) -> Network:
    match = route.fullmatch(row)
    try:
        prefix = ip_network(match[1] if match else "")
    except ValueError:
        raise _strange(row) from None
    if prefix.version != family.version:
        raise _strange(row)
    return prefix


def _strange(row: str) -> OspfError:
    return OspfError(f"birdc: cannot read the line {clean(row)!r}")


def _cut(command: str) -> OspfError:
    return OspfError(f"birdc: the reply to '{command}' is not complete")
