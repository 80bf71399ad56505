# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the extension: its version, its names, and its errors as exceptions.

Names of drop reasons, states and the like come from the C enums themselves, without the prefix:
`names("slb_drop", "SLB_DROP_")[0]` is `SHORT`.
"""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

from slb._engine import ffi, lib
from slb.errors import (
    BadRequest,
    Duplicate,
    EngineError,
    Full,
    NotReady,
    RequestError,
    UnknownRs,
    UnknownVs,
)

__all__ = ["check", "ffi", "lib", "listing", "names", "octets", "text", "value"]

REFUSALS: dict[str, type[RequestError]] = {
    "BAD_ADDRESS": BadRequest,
    "BAD_VALUE": BadRequest,
    "VS_EXISTS": Duplicate,
    "VS_UNKNOWN": UnknownVs,
    "RS_EXISTS": Duplicate,
    "RS_UNKNOWN": UnknownRs,
    "VS_FULL": Full,
    "RS_FULL": Full,
    "NO_MEMORY": Full,
    "WORKER": NotReady,
    "ADDRESS_IN_USE": BadRequest,
    "NO_LOCAL_ADDRESS": BadRequest,
    "NO_SESSIONS": BadRequest,
    "LADDR_FULL": Full,
    "STEERING": BadRequest,
}


def check(rc: int, what: str, refusal: str = "") -> int:
    """Return a call's result; raises the exception for a negative one, saying `what`.

    `refusal` is the name in enum slb_refusal, where the call gives one.
    """
    if rc >= 0:
        return rc
    sentence = what or os.strerror(-rc)
    if kind := REFUSALS.get(refusal):
        raise kind(sentence)
    if rc == -errno.ESHUTDOWN:
        raise NotReady("the engine does not run")
    if rc == -errno.ETIMEDOUT:
        raise NotReady(f"{sentence}; a worker did not acknowledge in time")
    raise EngineError(-rc, sentence)


def names(enum: str, prefix: str) -> dict[int, str]:
    """Return an enum's names by value, without the prefix."""
    elements: dict[int, str] = ffi.typeof(f"enum {enum}").elements
    return {number: name.removeprefix(prefix) for number, name in elements.items()}


def value(name: str) -> int:
    """Return the value of an enumerator or a define, `SLB_SCHED_RR`."""
    return int(getattr(lib, name))


def text(field: Any) -> str:
    """Read a char array."""
    return bytes(ffi.string(field)).decode(errors="replace")


def listing(call: Callable[[Any, int], int], ctype: str, what: str) -> Iterator[Any]:
    """Make a listing call with as large a buffer as it takes; a row is valid until the next."""
    buffer, count = _listed(call, ctype, what)
    for row in range(count):
        yield buffer[row]


def octets(call: Callable[[Any, int], int], ctype: str, what: str) -> bytes:
    """Make a listing call, and return the rows as they lie in memory."""
    buffer, count = _listed(call, ctype, what)
    return bytes(ffi.buffer(buffer, count * ffi.sizeof(ctype)))


def _listed(call: Callable[[Any, int], int], ctype: str, what: str) -> tuple[Any, int]:
    room = 64
    while True:
        buffer = ffi.new(f"{ctype}[]", room)
        count = check(call(buffer, room), what)
        if count <= room:
            return buffer, count
        room = count + count // 8


def _check_version() -> None:
    built, loaded = value("SLB_ABI_VERSION"), int(lib.slb_abi_version())
    if built != loaded:
        raise ImportError(
            f"slb._engine was built for ABI {built} but found an engine with ABI {loaded}; "
            "reinstall the package"
        )


_check_version()
