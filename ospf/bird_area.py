# SPDX-License-Identifier: BSD-3-Clause
"""The areas of BIRD's OSPF: each interface in its own, with its timers, BFD and keys."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from ospf.model import Family, Network, Setup
from slb.errors import OspfError
from slb.model.config import OspfLink

# A cost of a router LSA has 16 bits.
STUB_MAX = 65535
# What BIRD takes without a word of ours.
_BIRDS_PRIORITY = 1
_RETRANSMIT_MAX_S = 5
# What headers of IPv6, OSPF and LSA leave, and some networks of the interfaces themselves.
_PREFIXES_MAX = 1300
_ALGORITHMS = {
    "md5": "keyed md5",
    "hmac-sha-256": "hmac sha256",
    "hmac-sha-384": "hmac sha384",
    "hmac-sha-512": "hmac sha512",
}


def areas(setup: Setup, family: Family, stubs: Iterable[tuple[Network, int]] = ()) -> str:
    """The lines for all areas, with networks of ours and their costs; raises OspfError."""
    if not setup.interfaces:
        raise OspfError("ospf.interfaces: no interface to speak OSPF on; name one")
    links = {link.interface: link for link in setup.ospf.links}
    found: dict[IPv4Address, dict[str, list[str]]] = {}
    for name in setup.interfaces:
        link = links.get(name) or OspfLink(name)
        options = found.setdefault(link.area or setup.ospf.area, {})
        options.setdefault(_options(setup, family, link), []).append(quoted(name))
    ours = [f"        stubnet {prefix} {{ cost {cost}; }};" for prefix, cost in stubs]
    stub = {area: ["        stub yes;"] for area in setup.ospf.stub_areas}
    return "".join(
        _area(area, [*stub.get(area, []), *ours], rows) for area, rows in sorted(found.items())
    )


def too_long_a_list(prefixes: Iterable[Network]) -> bool:
    """Whether IPv6 stub networks make an LSA (RFC 5340, A.4.10) that fits into no packet of 1500.

    FRR's ospf6d up to 8.4 at least cuts it off when a BIRD that was restarted asks for it.
    """
    return sum(4 + 4 * -(-p.prefixlen // 32) for p in prefixes if p.version == 6) > _PREFIXES_MAX


def quoted(text: str) -> str:
    """A text as BIRD's configuration has it; raises OspfError where it has no way to."""
    if not text.isprintable() or '"' in text:
        raise OspfError(f"{text!r} cannot be written into BIRD's configuration; use another name")
    return f'"{text}"'


def _area(area: IPv4Address, head: list[str], rows: dict[str, list[str]]) -> str:
    lines = [
        f"        interface {', '.join(names)} {{ {options} }};" for options, names in rows.items()
    ]
    return "\n".join([f"    area {area} {{", *head, *lines, "    };", ""])


def _options(setup: Setup, family: Family, link: OspfLink) -> str:
    ospf = setup.ospf
    # A lost packet is sent again before the neighbour is given up.
    retransmit = min(_RETRANSMIT_MAX_S, max(1, ospf.dead_s // 2))
    words = [
        f"type {link.network_type or ospf.network_type};",
        f"hello {ospf.hello_s};",
        f"dead {ospf.dead_s};",
        f"retransmit {retransmit};",
        # It grows by itself, but only when a long packet has been lost by it.
        *(["rx buffer large;"] if setup.stub else []),
        f"cost {link.cost or ospf.cost};",
        *([f"priority {ospf.priority};"] if ospf.priority != _BIRDS_PRIORITY else []),
        *(["bfd on;"] if ospf.bfd else []),
        *_authentication(setup, family),
    ]
    return " ".join(words)


def _authentication(setup: Setup, family: Family) -> list[str]:
    auth = setup.ospf.signed(family.version)
    if auth is None:
        return []
    if auth.algorithm == "md5" and family.version == 6:
        raise OspfError("ospf.auth_v3: OSPFv3 has no md5; write hmac-sha-256, or none")
    keys = (
        f"password {quoted(setup.secrets[key.secret_file])} "
        f"{{ id {key.id}; algorithm {_ALGORITHMS[auth.algorithm]}; }};"
        for key in auth.keys
    )
    return ["authentication cryptographic;", *keys]
