# SPDX-License-Identifier: BSD-3-Clause
"""Inputs of the fuzzer as text: records by name, in the layout of csrc/fuzz/program.h."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cffi import FFI
from scapy.layers.inet import TCP
from scapy.packet import Packet

CSRC = Path(__file__).resolve().parents[2] / "csrc"

ffi = FFI()
ffi.cdef((CSRC / "include/slb_abi.h").read_text() + (CSRC / "fuzz/program.h").read_text())
# Enumerators only; any library will do.
lib: Any = ffi.dlopen(None)


def drop_reasons() -> list[str]:
    """The names of enum slb_drop, in its order."""
    names: dict[int, str] = ffi.typeof("enum slb_drop").elements
    return [names[number].removeprefix("SLB_DROP_") for number in sorted(names)][:-1]


def _record(struct: str, **fields: Any) -> bytes:
    return bytes(ffi.buffer(ffi.new(f"struct {struct} *", fields)))


def _be(number: int) -> list[int]:
    return list(number.to_bytes(2, "big"))


def _place(worker: int, port: int, ends: bool, segments: int, late: bool, other: bool) -> int:
    return int(
        worker
        | port * lib.FUZZ_PORT
        | ends * lib.FUZZ_BURST_ENDS
        | (segments - 1) * 16
        | late * lib.FUZZ_HANDED_LATE
        | other * lib.FUZZ_OTHER_PORT
    )


def _tcp_flags(flags: str) -> int:
    return int(TCP(flags=flags).flags)


def program(
    *records: bytes | Iterable[bytes],
    shape: int = 0,
    sizes: int = 0,
    tcp: int = 0,
    services: int = 0,
    view: int = 0,
    timeouts: int = 0,
) -> bytes:
    """An input: how the engine is opened, and what happens then."""
    fields = {"shape": shape, "sizes": sizes, "tcp": tcp, "services": services, "view": view}
    head = _record("fuzz_head", **fields, timeouts=timeouts)
    parts = ([part] if isinstance(part, bytes) else list(part) for part in records)
    return head + b"".join(record for part in parts for record in part)


def frame(
    packet: Packet | bytes,
    *,
    worker: int = 0,
    port: int = 0,
    ends: bool = True,
    segments: int = 1,
    late: bool = False,
    fix: int | None = None,
    cut: int = 0,
) -> bytes:
    """A frame that arrives, lengths and checksums made right unless `fix` says otherwise."""
    data = bytes(packet)
    fixed = _record(
        "fuzz_frame",
        kind=lib.FUZZ_FRAME,
        place=_place(worker, port, ends, segments, late, False),
        fix=lib.FUZZ_FIX_ALL if fix is None else fix,
        cut=cut,
        len_be=_be(len(data)),
    )
    return fixed + data


def reply(
    flags: str = "SA",
    *,
    which: int = 0,
    payload: int = 0,
    worker: int = 0,
    cut: int = 0,
    other_port: bool = False,
    late: bool = False,
    patch: tuple[int, int] = (0, 0),
) -> bytes:
    """The answer to the frame that came out `which` frames ago; the payload in units of 8 bytes.

    The byte at `patch[0]` of the packet is raised by `patch[1]`.
    """
    return _record(
        "fuzz_reply",
        kind=lib.FUZZ_REPLY,
        place=_place(worker, 0, True, 1, late, other_port),
        fix=lib.FUZZ_FIX_ALL,
        cut=cut,
        which=which,
        tcp_flags=_tcp_flags(flags),
        payload_be=_be(payload * 8),
        patch_at=patch[0],
        patch=patch[1],
    )


def quote(
    type: int, code: int = 0, *, mtu: int = 0, quoted: int = 28, which: int = 0, worker: int = 0
) -> bytes:
    """An ICMP error about the frame that came out `which` frames ago, quoting so many bytes."""
    return _record(
        "fuzz_quote",
        kind=lib.FUZZ_QUOTE,
        place=_place(worker, 0, True, 1, False, False),
        fix=lib.FUZZ_FIX_ALL,
        which=which,
        type=type,
        code=code,
        mtu_be=_be(mtu),
        quoted=quoted // 4,
    )


def repeat(count: int, stride: str = "BY_PORT", *, worker: int = 0) -> bytes:
    """The last frame again, from other clients."""
    return _record(
        "fuzz_repeat",
        kind=lib.FUZZ_REPEAT,
        place=worker,
        stride=getattr(lib, f"FUZZ_{stride}"),
        count=count,
    )


def wait(ms: int) -> bytes:
    """At least so much time passes."""
    shift = 0
    while (16 * 50) << shift < ms:
        shift += 1
    steps = -(-ms // (50 << shift))
    return _record("fuzz_wait", kind=lib.FUZZ_WAIT, time=shift << 4 | (steps - 1))


OPS = ("VS_ADD", "VS_EDIT", "VS_DEL", "RS_ADD", "RS_EDIT", "RS_DEL")


def change(
    op: str,
    vs: int,
    rs: int = 0,
    *,
    weight: int = 1,
    scheduler: int = 0,
    client_address: int = 0,
    timeouts: int = 0,
    more: bool = False,
) -> bytes:
    """A change of VS and RS, by their numbers in csrc/fuzz/world.c."""
    return _record(
        "fuzz_change",
        kind=lib.FUZZ_CHANGE,
        op=OPS.index(op) | more << 7,
        vs=vs,
        rs=rs,
        weight=weight,
        scheduler=scheduler | client_address << 5,
        timeouts=timeouts,
    )


def routes(view: int) -> bytes:
    """Another view of forwarding."""
    return _record("fuzz_routes", kind=lib.FUZZ_ROUTES, view=view)


def starve(spare: int = 64, fails: int = 0) -> bytes:
    """Each worker has so many buffers in reserve; this allocation of the next change fails."""
    return _record("fuzz_starve", kind=lib.FUZZ_STARVE, spare=spare, fails=fails)


def reset(vs: int, rs: int | None = None) -> bytes:
    """The sessions of a server of a service end, or of all."""
    return _record("fuzz_reset", kind=lib.FUZZ_RESET, vs=vs, rs=128 if rs is None else rs)


def quiesce() -> bytes:
    """No new sessions from here on."""
    return _record("fuzz_quiesce", kind=lib.FUZZ_QUIESCE)
