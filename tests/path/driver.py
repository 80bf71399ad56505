# SPDX-License-Identifier: BSD-3-Clause
"""The packet path fed from memory: slb._harness with Python's types.

There is one harness a process; opening it again makes everything anew but EAL.
"""

import errno
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structs
from packets.nic import NicRule
from packets.rss import Rss
from structs import names, number
from values import Laddr, Op, Rs, Session, Settings, View, Vs

from slb._harness import ffi, lib
from slb.model.probe import ProbeCount

BURST = int(lib.HARNESS_BURST)
SPARE = int(lib.HARNESS_SPARE)  # empty mbufs that a worker keeps
FRAME = int(lib.HARNESS_FRAME)
TICK_HZ = 16
DONE = (1 << 64) - 1


@dataclass(frozen=True)
class Result:
    """What became of a packet: TX to port `arg`, PUNT of class `arg`, HANDOFF to worker `arg`,
    DROP for reason `arg`, HELD. `note`: what a worker that hands it over tells the next one."""

    verdict: str
    arg: int
    data: bytes
    note: tuple[int, int] = (0, 0)

    @property
    def what(self) -> str:
        """Verdict and argument in words: `DROP TTL`, `TX 0`."""
        if self.verdict == "DROP":
            return f"DROP {names('slb_drop', 'SLB_DROP_')[self.arg]}"
        return f"{self.verdict} {self.arg}"


class Refused(Exception):
    """A transaction that was refused, with what struct slb_refused says."""

    def __init__(self, code: int, refused: Any) -> None:
        self.error = errno.errorcode[-code]
        self.reason = names("slb_refusal", "SLB_REFUSED_")[refused.reason]
        self.text = bytes(ffi.string(refused.text)).decode()
        self.op = int(refused.op)
        self.worker = int(refused.worker)
        super().__init__(f"{self.error} {self.reason}: {self.text}")


def _whole_ticks_ms(seconds: float) -> int:
    return math.ceil(round(seconds * TICK_HZ) * 1000 / TICK_HZ)


class Harness:
    """The workers and the admin core, without lcores and ports."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Open it; raises OSError with the sentence the engine gives."""
        self.settings = settings or Settings()
        self._packets = ffi.new("struct harness_packet[]", BURST)
        self._verdicts = names("harness_verdict", "HARNESS_")
        self._reasons = names("slb_drop", "SLB_DROP_")
        text = ffi.new("char[256]")
        for port in range(self.settings.ports):
            nic = self.settings.nics.get(port)
            row = structs.put_nic(nic, self.settings.workers) if nic else ffi.NULL
            lib.harness_set_nic(port, row)
        rc = lib.harness_open(structs.config_of(self.settings), text, len(text))
        if rc < 0:
            raise OSError(-rc, bytes(ffi.string(text)).decode())

    def close(self) -> None:
        """Free everything; opening another does so too."""
        lib.harness_close()

    def run(
        self,
        worker: int,
        frames: Sequence[bytes],
        *,
        port: int = 0,
        handed: bool = False,
        segments: int = 1,
        notes: Sequence[tuple[int, int]] = (),
    ) -> list[Result]:
        """Run one burst through a worker's path; `notes` of the worker that handed it over."""
        packets = self._fill(frames, port=port, handed=handed, segments=segments)
        for packet, note in zip(packets, notes, strict=False):
            packet.note = note
        rc = lib.harness_run(worker, packets, len(frames))
        if rc < 0:
            raise OSError(-rc, "harness_run")
        return [self._result(packets[i]) for i in range(len(frames))]

    def run_all(self, worker: int, frames: Iterable[bytes]) -> Iterator[Result]:
        """Run any number of packets, a burst at a time."""
        waiting: list[bytes] = []
        for data in frames:
            waiting.append(data)
            if len(waiting) == BURST:
                yield from self.run(worker, waiting)
                waiting = []
        if waiting:
            yield from self.run(worker, waiting)

    def steering(self, port: int = 0) -> tuple[str, str]:
        """How the port with a model of a NIC is steered, and why so."""
        text = ffi.new("char[256]")
        method = lib.harness_steering(port, text, len(text))
        return names("slb_steer", "SLB_STEER_")[method], bytes(ffi.string(text)).decode()

    def nic(self, port: int = 0) -> tuple[Rss, list[NicRule]]:
        """The key and table that the model of a NIC has by now, and its rules."""
        row = ffi.new("struct harness_nic *")
        if lib.harness_get_nic(port, row) != 0:
            raise OSError("the port has no NIC")
        rules = ffi.new("struct harness_nic_rule[]", int(lib.HARNESS_NIC_RULES))
        count = lib.harness_nic_rule_list(port, rules, len(rules))
        return structs.nic_rss(row), [structs.nic_rule(rules[i]) for i in range(count)]

    def set_faults(self, *faults: str, port: int = 0) -> None:
        """From now on the model of a NIC has these faults."""
        numbers = (int(getattr(lib, f"HARNESS_NIC_{fault}")) for fault in faults)
        assert lib.harness_nic_faults(port, sum(numbers)) == 0

    def stuck_rules(self, port: int = 0) -> int:
        """Rules that the NIC has kept though it should have given them back."""
        return int(lib.harness_stuck_rules(port))

    def rule_hits(self, port: int = 0) -> list[int] | None:
        """What the engine reads as the hits of each rule; None: the NIC does not count."""
        hits = ffi.new("uint64_t[]", int(lib.HARNESS_NIC_RULES))
        count = lib.harness_rule_hits(port, hits, len(hits))
        return None if count < 0 else list(hits[0:count])

    def misdirected(self, port: int = 0) -> list[int]:
        """Replies that each worker has handed over because they came to the wrong one."""
        return [lib.harness_misdirected(w, port) for w in range(self.settings.workers)]

    def wire(self, *, tx_queues: int, tx_room: int) -> None:
        """Give the workers ports and rings that take_sent() and take_punted() alone empty."""
        rc = lib.harness_wire(tx_queues, tx_room)
        if rc < 0:
            raise OSError(-rc, "harness_wire")

    def receive(self, worker: int, frames: Sequence[bytes], *, port: int = 0) -> None:
        """Let a worker's queue receive packets and run its rounds until there is nothing to do."""
        for first in range(0, len(frames), BURST):
            self.queue(worker, frames[first : first + BURST], port=port)
            self.rounds(worker)

    def queue(self, worker: int, frames: Sequence[bytes], *, port: int = 0) -> None:
        """Put a burst into a worker's receive queue."""
        packets = self._fill(frames, port=port, handed=False, segments=1)
        rc = lib.harness_receive(worker, packets, len(frames))
        if rc < 0:
            raise OSError(-rc, "harness_receive")

    def rounds(self, worker: int) -> int:
        """Run a worker's rounds until there is nothing to do; returns in how many there was."""
        count = 0
        while self.round(worker):
            count += 1
        return count

    def round(self, worker: int) -> bool:
        """Run one round of a worker; tells whether there was anything to do."""
        rc = lib.harness_round(worker)
        if rc < 0:
            raise OSError(-rc, "harness_round")
        return bool(rc)

    def take_sent(self, port: int, queue: int) -> list[bytes]:
        """Take what is in a port's transmit queue."""
        return self._take(lambda *room: lib.harness_take_sent(port, queue, *room))

    def take_punted(self, worker: int) -> list[bytes]:
        """Take what is in a worker's ring to the KNI core."""
        return self._take(lambda *room: lib.harness_take_punted(worker, *room))

    def kni_queue(self, port: int = 0) -> int | None:
        """Tell which receive queue of the port with a model of a NIC is the KNI core's own."""
        queue = lib.harness_kni_queue(port)
        return queue if queue >= 0 else None

    def kni_round(self) -> bool:
        """Run one round of the KNI core; tells whether there was anything to do."""
        rc = lib.harness_kni_round()
        if rc < 0:
            raise OSError(-rc, "harness_kni_round")
        return bool(rc)

    def kni_rounds(self) -> int:
        """Run the KNI core's rounds until there is nothing to do; returns how many there were."""
        count = 0
        while self.kni_round():
            count += 1
        return count

    def take_kernel(self, port: int = 0) -> list[bytes]:
        """Take what a port's kernel interface was given."""
        return self._take(lambda *room: lib.harness_take_kernel(port, *room))

    def kernel_sends(self, frames: Sequence[bytes], *, port: int = 0) -> None:
        """Have the kernel send a burst by the port's kernel interface."""
        packets = self._fill(frames, port=port, handed=False, segments=1)
        rc = lib.harness_kernel_sends(packets, len(frames))
        if rc < 0:
            raise OSError(-rc, "harness_kernel_sends")

    def kni_dropped(self, port: int = 0) -> int:
        """Count what the KNI core has dropped between a port and the kernel."""
        return int(lib.harness_kni_dropped(port))

    def _take(self, call: Callable[[Any, int], int]) -> list[bytes]:
        taken: list[bytes] = []
        while count := call(self._packets, BURST):
            if count < 0:
                raise OSError(-count, "harness_take")
            taken += [bytes(ffi.buffer(p.data, p.len)) for p in self._packets[0:count]]
        return taken

    def _fill(self, frames: Sequence[bytes], *, port: int, handed: bool, segments: int) -> Any:
        assert max(map(len, frames), default=0) <= FRAME
        for packet, data in zip(self._packets, frames, strict=False):
            packet.len, packet.port = len(data), port
            packet.handed, packet.segments = handed, segments
            packet.note = (0, 0)
            ffi.memmove(packet.data, data, len(data))
        return self._packets

    def take(self, worker: int) -> list[Result]:
        """Take the packets that a worker's path has made or released itself, in order."""
        taken: list[Result] = []
        while count := lib.harness_take(worker, self._packets, BURST):
            taken += [self._result(self._packets[i]) for i in range(count)]
        return taken

    def _result(self, packet: Any) -> Result:
        data = bytes(ffi.buffer(packet.data, packet.len))
        return Result(self._verdicts[packet.verdict], packet.arg, data, tuple(packet.note))

    def advance(self, seconds: float) -> None:
        """Move the clock, by whole ticks, and end what is due."""
        lib.harness_advance_ms(_whole_ticks_ms(seconds))

    def move_clock(self, seconds: float) -> None:
        """Move the clock alone, by whole ticks."""
        lib.harness_move_clock_ms(_whole_ticks_ms(seconds))

    def commit(self, ops: Sequence[Op]) -> int:
        """Apply a transaction; returns the generation, raises Refused."""
        return self.commit_raw(structs.put_ops(ops), len(ops))

    def commit_raw(self, array: Any, count: int) -> int:
        """Apply a transaction of struct slb_op."""
        generation, refused = ffi.new("uint64_t *"), ffi.new("struct slb_refused *")
        rc = lib.harness_commit(array, count, generation, refused)
        if rc < 0:
            raise Refused(rc, refused)
        return int(generation[0])

    def forward(self, view: View, times: int = 1) -> int:
        """Replace the forwarding view; returns the generation, raises Refused."""
        arrays = structs.put_view(view)
        generation, refused = ffi.new("uint64_t *"), ffi.new("struct slb_refused *")
        for _ in range(times):
            rc = lib.harness_forward_set(*arrays, generation, refused)
            if rc < 0:
                raise Refused(rc, refused)
        return int(generation[0])

    def set_laddrs(self, *addresses: str) -> int:
        """Replace the set of local addresses, all of port 0; returns the generation."""
        return self.set_laddrs_raw([(address, 0) for address in addresses])

    def set_laddrs_raw(self, laddrs: Sequence[tuple[str, int]], only_prepare: bool = False) -> int:
        """Replace the set of local addresses, each with its port; raises Refused."""
        generation, refused = ffi.new("uint64_t *"), ffi.new("struct slb_refused *")
        array = structs.put_laddrs(laddrs)
        rc = lib.harness_laddr_set(array, len(laddrs), only_prepare, generation, refused)
        if rc < 0:
            raise Refused(rc, refused)
        return int(generation[0])

    def set_workers(self, count: int, end: bool = False) -> int:
        """Spread clients over so many workers; returns the generation, raises Refused."""
        generation, refused = ffi.new("uint64_t *"), ffi.new("struct slb_refused *")
        rc = lib.harness_workers_set(count, end, generation, refused)
        if rc < 0:
            raise Refused(rc, refused)
        return int(generation[0])

    def probe(self, address: str, attempt: int = 0) -> int:
        """Have probes sent to a local address in the workers' next rounds; returns how many."""
        field = ffi.new("struct slb_address *")
        structs.put_address(field, address)
        return int(lib.harness_probe(field, attempt))

    def probes(self) -> list[ProbeCount]:
        """List what the workers have seen of probes."""
        rows = structs.listing(lib.harness_probe_list, "struct slb_probe_info")
        return [structs.get_probe(row) for row in rows]

    def quiesce(self) -> None:
        """Take no new sessions from now on; only opening anew ends that."""
        rc = lib.harness_quiesce()
        if rc < 0:
            raise OSError(-rc, "harness_quiesce")

    def drops(self) -> Counter[tuple[int, str]]:
        """Count drops by worker and reason."""
        reasons = number("SLB_DROP_COUNT")
        counts = ffi.new("uint64_t[]", self.settings.workers * reasons)
        lib.harness_drop_list(counts, len(counts))
        found: Counter[tuple[int, str]] = Counter()
        for place, count in enumerate(counts):
            if count:
                found[place // reasons, self._reasons[place % reasons]] = int(count)
        return found

    def worker_bytes(self) -> list[tuple[int, int]]:
        """Return the bytes that each worker has moved, in and out."""
        counts = ffi.new("uint64_t[]", 2 * self.settings.workers)
        workers = lib.harness_worker_bytes(counts, len(counts))
        return [(int(counts[2 * n]), int(counts[2 * n + 1])) for n in range(workers)]

    def untold(self, worker: int = 0) -> int:
        """Count a worker's segments that should have told the client's address, and did not."""
        return int(lib.harness_untold(worker))

    def vs(self) -> dict[str, Vs]:
        """List every VS by its key."""
        rows = structs.listing(lib.harness_vs_list, "struct slb_vs_info")
        return {row.vs: row for row in map(structs.get_vs, rows)}

    def rs(self, vs: str = "") -> list[Rs]:
        """List every RS, or those of one VS, removed ones with sessions too."""
        rows = structs.listing(lib.harness_rs_list, "struct slb_rs_info")
        return [row for row in map(structs.get_rs, rows) if vs in ("", row.vs)]

    def laddrs(self) -> list[Laddr]:
        """List the local addresses, one that all workers have for each of them."""
        rows = structs.listing(lib.harness_laddr_list, "struct slb_laddr_info")
        return [structs.get_laddr(row) for row in rows]

    def sessions(
        self, *, client: str = "", vs: str = "", rs: str = "", worker: int = -1, page: int = 256
    ) -> list[Session]:
        """List the sessions that match, `page` at a time."""
        wanted, cursor = ffi.new("struct slb_session_filter *"), ffi.new("uint64_t *")
        for name, text in (("client", client), ("vs", vs), ("rs", rs)):
            if text:
                structs.put_endpoint(getattr(wanted, name), text)
        wanted.worker = worker
        buffer, found = ffi.new("struct slb_session_info[]", page), []
        states = names("slb_tcp_state", "SLB_")
        while cursor[0] != DONE:
            count = lib.harness_session_list(wanted, cursor, buffer, page)
            if count < 0:
                raise OSError(-count, "harness_session_list")
            found += [structs.get_session(buffer[i], states) for i in range(count)]
        return found

    def events(self) -> list[tuple[str, int]]:
        """Take the neighbours that were wanted, with their ports."""
        buffer = ffi.new("struct slb_event[]", 256)
        count = lib.harness_poll_events(buffer, len(buffer))
        return [(structs.address(event.addr), event.port) for event in buffer[0:count]]

    def recycled(self, worker: int) -> int:
        """Count the sessions that a worker has ended to make room for others."""
        return int(lib.harness_recycled(worker))

    def reset(self, *whose: tuple[str, str]) -> int:
        """End the sessions of RS, ("VS", "RS"), or of all of a VS; returns how many.

        Raises Refused.
        """
        resets, cursor = ffi.new("struct slb_reset[]", len(whose)), ffi.new("uint64_t *")
        refused, ended = ffi.new("struct slb_refused *"), 0
        for row, (vs, rs) in zip(resets, whose, strict=True):
            structs.put_endpoint(row.vs, vs)
            if rs:
                structs.put_endpoint(row.rs, rs)
        while cursor[0] != DONE:
            rc = lib.harness_session_reset(resets, len(whose), cursor, refused)
            if rc < 0:
                raise Refused(rc, refused)
            ended += rc
        return ended

    def resets(self, worker: int) -> int:
        """Count the sessions that a worker has ended so."""
        return int(lib.harness_resets(worker))

    def spare(self, buffers: int) -> None:
        """Leave workers no more than so many buffers for packets of their own."""
        lib.harness_spare(buffers)

    def mbufs_in_use(self) -> int:
        """Return how many mbufs are not in the pool."""
        return int(lib.harness_mbufs_in_use())

    def stall(self, worker: int, stalled: bool = True) -> None:
        """Make a worker answer no message, or answer again."""
        lib.harness_stall(worker, stalled)

    def generation(self, worker: int) -> int:
        """Return a worker's generation."""
        return int(lib.harness_generation(worker))

    def generations(self) -> set[int]:
        """Return all workers' generations."""
        return {self.generation(worker) for worker in range(self.settings.workers)}

    def stall_after(self, worker: int, parts: int) -> None:
        """Make a worker silent after so many rounds with a message, or a part of one."""
        lib.harness_stall_after(worker, parts)

    def set_generation(self, worker: int, generation: int) -> None:
        """Make a worker believe that it is at another generation."""
        lib.harness_set_generation(worker, generation)

    def set_answer_timeout(self, seconds: float) -> None:
        """Wait no longer than this for a worker's answer."""
        lib.harness_set_answer_timeout_ms(int(seconds * 1000))
