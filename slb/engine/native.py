# SPDX-License-Identifier: BSD-3-Clause
"""The real engine: slb_abi.h's calls with the model's types.

cffi drops the GIL in each call. Calls may come from several threads; close() waits for those under
way and turns away those that come later, so that none touches freed memory.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from slb.engine import binding, read
from slb.engine.binding import ffi, lib
from slb.engine.forward import put_forwarding
from slb.engine.marshal import (
    get_address,
    put_address,
    put_endpoint,
    put_laddrs,
    put_ops,
    put_resets,
)
from slb.engine.settings import to_c
from slb.errors import NotReady
from slb.model import views
from slb.model.address import Address
from slb.model.config import Config
from slb.model.forwarding import Forwarding, Wanted
from slb.model.op import Op
from slb.model.probe import ProbeCount
from slb.model.reset import Reset
from slb.model.service import Service
from slb.model.session_filter import SessionFilter

DONE = (1 << 64) - 1
EVENTS = 256
SESSIONS_A_CALL = 1024


class NativeEngine:
    """The engine of this process; there can be one, once."""

    def __init__(self, config: Config) -> None:
        """Start it; returns when every core runs. Raises EngineError with a sentence."""
        self._ports = [port.name for port in config.ports]
        self._idle = threading.Condition()
        self._calls = 0
        self._open = True
        self.abi = int(lib.slb_abi_version())
        _open(config)
        self.dpdk = binding.text(lib.slb_dpdk_version())

    def commit(self, ops: Sequence[Op]) -> int:
        """Apply a transaction; raises what Engine.commit says."""
        array, generation = put_ops(ops), ffi.new("uint64_t *")
        refused = ffi.new("struct slb_refused *")
        with self._call():
            rc = lib.slb_commit(array, len(ops), generation, refused)
        _check_refused(rc, refused)
        return int(generation[0])

    def forward_set(self, view: Forwarding) -> int:
        """Replace the forwarding view."""
        arrays, generation = put_forwarding(view), ffi.new("uint64_t *")
        refused = ffi.new("struct slb_refused *")
        with self._call():
            rc = lib.slb_forward_set(*arrays, generation, refused)
        _check_refused(rc, refused)
        return int(generation[0])

    def laddr_set(self, laddrs: Sequence[tuple[Address, int]], only_prepare: bool = False) -> int:
        """Replace the set of local addresses."""
        array, generation = put_laddrs(laddrs), ffi.new("uint64_t *")
        refused = ffi.new("struct slb_refused *")
        with self._call():
            rc = lib.slb_laddr_set(array, len(laddrs), only_prepare, generation, refused)
        _check_refused(rc, refused)
        return int(generation[0])

    def workers_set(self, count: int, end: bool = False) -> int:
        """Spread clients over so many workers."""
        generation, refused = ffi.new("uint64_t *"), ffi.new("struct slb_refused *")
        with self._call():
            rc = lib.slb_workers_set(count, end, generation, refused)
        _check_refused(rc, refused)
        return int(generation[0])

    def generation(self) -> int:
        """Return the lowest generation of all workers."""
        return min((worker.generation for worker in self.worker_list()), default=0)

    def service_list(self) -> list[Service]:
        """Read the set of services."""
        with self._call():
            return read.service_list()

    def vs_list(self) -> list[views.VsView]:
        """List every VS."""
        with self._call():
            return read.vs_list()

    def rs_list(self) -> list[views.RsView]:
        """List every RS."""
        with self._call():
            return read.rs_list()

    def answer_list(self) -> list[views.RsAnswers]:
        """List what became of the sessions of every RS."""
        with self._call():
            return read.answer_list()

    def worker_list(self) -> list[views.WorkerView]:
        """List the workers."""
        with self._call():
            return read.worker_list()

    def port_list(self) -> list[views.PortView]:
        """List the ports."""
        with self._call():
            return read.port_list()

    def steering_list(self) -> list[views.SteeringView]:
        """List how each port steers."""
        with self._call():
            return read.steering_list()

    def rule_list(self) -> list[views.RuleView]:
        """List the rules that the ports' devices have."""
        with self._call():
            return read.rule_list(self._ports)

    def probe(self, address: Address, attempt: int) -> int:
        """Send probes to a local address."""
        field = ffi.new("struct slb_address *")
        put_address(field, address)
        with self._call():
            return binding.check(lib.slb_probe(field, attempt), "probes")

    def probe_list(self) -> list[ProbeCount]:
        """List what the workers have seen of probes."""
        with self._call():
            return read.probe_list(self._ports)

    def laddr_list(self) -> list[views.LaddrView]:
        """List the local addresses."""
        with self._call():
            return read.laddr_list(self._ports)

    def route_list(self) -> list[views.RouteView]:
        """List the routes."""
        with self._call():
            return read.route_list(self._ports)

    def neighbour_list(self) -> list[views.NeighbourView]:
        """List the neighbours."""
        with self._call():
            return read.neighbour_list(self._ports)

    def drop_list(self) -> list[views.DropView]:
        """List every drop reason."""
        with self._call():
            return read.drop_list()

    def worker_bytes(self) -> list[views.WorkerBytes]:
        """Return what each worker has moved."""
        with self._call():
            return read.worker_bytes()

    def session_list(self, wanted: SessionFilter, limit: int) -> views.SessionPage:
        """List at most `limit` sessions."""
        rows: list[views.SessionView] = []
        view = read.session_reader()
        for buffer, count in self._sessions(wanted, min(limit + 1, SESSIONS_A_CALL)):
            rows += [view(buffer[i]) for i in range(count)]
            if len(rows) > limit:
                break
        return views.SessionPage(items=rows[:limit], more=len(rows) > limit)

    def session_count(self, wanted: SessionFilter) -> int:
        """Count sessions; without a filter the workers' own counters say it."""
        if wanted == SessionFilter():
            return sum(worker.sessions_active for worker in self.worker_list())
        return sum(count for _, count in self._sessions(wanted, SESSIONS_A_CALL))

    def session_reset(self, resets: Sequence[Reset]) -> int:
        """End the sessions that RS have now; changes get in between two parts of it."""
        array, cursor, ended = put_resets(resets), ffi.new("uint64_t *"), 0
        refused = ffi.new("struct slb_refused *")
        while cursor[0] != DONE:
            with self._call():
                rc = lib.slb_session_reset(array, len(resets), cursor, refused)
            _check_refused(rc, refused)
            ended += rc
        return ended

    def poll_events(self) -> list[Wanted]:
        """Take the pending events."""
        events = ffi.new("struct slb_event[]", EVENTS)
        with self._call():
            count = binding.check(lib.slb_poll_events(events, EVENTS), "events")
        found = ((get_address(event.addr), event.port) for event in events[0:count])
        return [Wanted(address, port) for address, port in found]

    def quiesce(self) -> None:
        """Take no new sessions from now on."""
        with self._call():
            binding.check(lib.slb_quiesce(), "quiesce")

    def close(self) -> None:
        """Stop the engine when the last call under way is back."""
        with self._idle:
            if not self._open:
                return
            self._open = False
            self._idle.wait_for(lambda: self._calls == 0)
        lib.slb_close()

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._idle:
            if not self._open:
                raise NotReady("slbd is stopping")
            self._calls += 1
        try:
            yield
        finally:
            with self._idle:
                self._calls -= 1
                self._idle.notify_all()

    def _sessions(self, wanted: SessionFilter, room: int) -> Iterator[tuple[Any, int]]:
        filter_c, cursor = _filter(wanted), ffi.new("uint64_t *")
        buffer = ffi.new("struct slb_session_info[]", room)
        while cursor[0] != DONE:
            with self._call():
                rc = lib.slb_session_list(filter_c, cursor, buffer, room)
            yield buffer, binding.check(rc, "sessions")


def _open(config: Config) -> None:
    text = ffi.new("char[]", binding.value("SLB_TEXT_LEN"))
    affinity = os.sched_getaffinity(0)
    try:
        rc = lib.slb_open(to_c(config), text, len(text))
    finally:
        # EAL pins the thread that starts it to one CPU, for good.
        os.sched_setaffinity(0, affinity)
    binding.check(rc, binding.text(text))


def _check_refused(rc: int, refused: Any) -> None:
    if rc < 0:
        reason = binding.names("slb_refusal", "SLB_REFUSED_").get(refused.reason, "")
        binding.check(rc, binding.text(refused.text), reason)


def _filter(wanted: SessionFilter) -> Any:
    filter_c = ffi.new("struct slb_session_filter *")
    filter_c.worker = -1 if wanted.worker is None else wanted.worker
    for name in ("vs", "rs", "client"):
        if (peer := getattr(wanted, name)) is not None:
            put_endpoint(getattr(filter_c, name), peer)
    return filter_c
