# SPDX-License-Identifier: BSD-3-Clause
"""What is asked of slbd by the requests that are passed on to it, for the record of who did what.

A body is decoded for it as slbd does that, so nothing is told but what was understood; slbd refuses
any other.
"""

from collections.abc import Mapping, Sequence

import msgspec

from slb.errors import TextError
from slb.model import codec
from slb.model.address import parse_address, show
from slb.model.laddr import LaddrAdd
from slb.model.reset import Reset
from slb.model.workers import WorkersEdit

# So many addresses are named.
_SHOWN = 8


def change(method: str, path: str, at: Mapping[str, str], body: bytes) -> str | None:
    """Return the change in words; `path`: the route's, `at`: what stands in the places of it."""
    try:
        match method, path:
            case "POST", "/v1/laddr":
                return _laddr_add(codec.decode(body, LaddrAdd))
            case "DELETE", "/v1/laddr/{address}":
                return f"- laddr {parse_address(at['address'])}"
            case "PATCH", "/v1/workers":
                return _workers(codec.decode(body, WorkersEdit))
            case "POST", "/v1/ospf/restart":
                return "ospf restart"
    except (TextError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None


def reset(resets: Sequence[Reset]) -> str:
    """Return whose sessions are to end, in words."""
    named = [f"{one.vs} {one.rs}" if one.rs else str(one.vs) for one in resets]
    return f"sessions reset {_some(named)}"


def _laddr_add(body: LaddrAdd) -> str:
    return f"+ laddr {_some(body.addresses)} port {show(body.port)}"


def _workers(body: WorkersEdit) -> str:
    return f"workers {body.count}" + (", sessions of the others end" if body.end else "")


def _some(words: Sequence[object]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(map(str, words[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
