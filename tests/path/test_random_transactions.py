# SPDX-License-Identifier: BSD-3-Clause
"""A thousand random transactions, right ones and wrong ones, against a model of what there is."""

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from driver import Refused
from lab import PLAIN, Lab
from packets.frames import Clients, tcp
from packets.nat import endpoints
from values import Op, Settings

pytestmark = pytest.mark.path

VS_MAX, RS_MAX, WORKERS = 5, 12, 2
SETTINGS = Settings(vs_max=VS_MAX, rs_max=RS_MAX)
VIPS = [f"10.96.0.{n}:{port}/tcp" for n in (1, 2, 3, 4) for port in (80, 443)]
RS = [f"10.10.0.{n}:{port}" for n in range(1, 6) for port in (80, 81)]


@dataclass
class Service:
    """A VS as the model has it; RS in the order they were added."""

    scheduler: str
    rs: dict[str, int] = field(default_factory=dict)


class Wrong(Exception):
    """The model refuses an op, for this reason."""


@dataclass
class Model:
    """What should exist."""

    services: dict[str, Service] = field(default_factory=dict)
    # RS slots in use: those that were there when the transaction began stay taken until it holds.
    kept: set[tuple[str, str, int]] = field(default_factory=set)
    fresh: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self) -> "Model":
        """A copy to try a transaction on."""
        trial = copy.deepcopy(self)
        trial.kept = {(vs, rs, 0) for vs, s in self.services.items() for rs in s.rs}
        trial.fresh = {}
        return trial

    def apply(self, op: Op) -> None:
        """Work one op in; raises Wrong."""
        if op.kind == "VS_ADD":
            self._add_vs(op)
            return
        if op.vs not in self.services:
            raise Wrong("VS_UNKNOWN")
        service = self.services[op.vs]
        if op.kind == "VS_EDIT":
            service.scheduler = op.scheduler
        elif op.kind == "VS_DEL":
            for rs in service.rs:
                self.fresh.pop((op.vs, rs), None)
            del self.services[op.vs]
        else:
            self._change_rs(op, service)

    def _add_vs(self, op: Op) -> None:
        if op.vs in self.services:
            raise Wrong("VS_EXISTS")
        if len(self.services) == VS_MAX:
            raise Wrong("VS_FULL")
        self.services[op.vs] = Service(op.scheduler)

    def _change_rs(self, op: Op, service: Service) -> None:
        if op.kind != "RS_ADD" and op.rs not in service.rs:
            raise Wrong("RS_UNKNOWN")
        if op.kind == "RS_DEL":
            del service.rs[op.rs]
            self.fresh.pop((op.vs, op.rs), None)
        elif op.kind == "RS_EDIT":
            service.rs[op.rs] = op.weight
        elif op.rs in service.rs:
            raise Wrong("RS_EXISTS")
        elif len(self.kept) + len(self.fresh) == RS_MAX:
            raise Wrong("RS_FULL")
        else:
            service.rs[op.rs] = op.weight
            self.fresh[op.vs, op.rs] = 1


def random_ops(rng: random.Random) -> Iterator[Op]:
    """A handful of ops, most of them sensible."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        kind = rng.choice(["VS_ADD", "VS_EDIT", "RS_EDIT", "RS_DEL"] + ["RS_ADD"] * 5)
        kind = "VS_DEL" if rng.random() < 0.05 else kind
        scheduler = rng.choice(("rr", "wrr", "sh"))
        rs = rng.choice(RS) if kind.startswith("RS") else ""
        yield Op(kind, rng.choice(VIPS), rs, rng.randrange(5), scheduler)


def matches(lab: Lab, model: Model) -> None:
    """What is listed is what the model has."""
    listed = {key: (vs.scheduler, vs.n_rs, vs.draining) for key, vs in lab.harness.vs().items()}
    assert listed == {
        key: (s.scheduler, len(s.rs), [*s.rs.values()].count(0))
        for key, s in model.services.items()
    }
    for key, service in model.services.items():
        assert [(rs.rs, rs.weight) for rs in lab.harness.rs(key)] == list(service.rs.items())
    assert len(lab.harness.generations()) == 1


def carries(lab: Lab, model: Model) -> None:
    """Each worker sends clients to the RS with a weight above 0, and to no other."""
    for worker in range(WORKERS):
        for key in VIPS:
            address, port = key.removesuffix("/tcp").split(":")
            clients = Clients(tcp(dst=address, dport=int(port)))
            results = lab.harness.run(worker, list(clients.frames(24)))
            service = model.services.get(key, Service(""))
            usable = {rs for rs, weight in service.rs.items() if weight}
            if usable:
                seen = {"{}:{}".format(*endpoints(result.data)[1]) for result in results}
                assert seen == usable or (service.scheduler == "sh" and seen <= usable)
            else:
                assert {result.what for result in results} == {_nobody(model, key)}
    lab.harness.advance(31)


def _nobody(model: Model, key: str) -> str:
    if key in model.services:
        return "DROP NO_RS"
    address = key.split(":")[0]
    known = any(vs.startswith(f"{address}:") for vs in model.services)
    return "DROP NO_VS" if known else "DROP NOT_FOR_US"


@pytest.mark.parametrize("seed", range(4))
def test_random_transactions(bare: Lab, seed: int) -> None:
    rng = random.Random(seed)
    bare.harness.forward(PLAIN)
    model = Model()
    accepted = 0
    for turn in range(250):
        ops, trial = list(random_ops(rng)), model.begin()
        wrong: tuple[int, str] | None = None
        for place, op in enumerate(ops):
            try:
                trial.apply(op)
            except Wrong as reason:
                wrong = place, str(reason)
                break
        faulty = wrong is None and rng.random() < 0.1
        generation = bare.harness.generation(0)
        if faulty:
            bare.harness.set_generation(rng.randrange(WORKERS), generation + 7)
        try:
            bare.harness.commit(ops)
            assert wrong is None and not faulty
            model, accepted = trial, accepted + 1
        except Refused as refused:
            assert (refused.op, refused.reason) == (wrong or (len(ops) - 1, "WORKER"))
        for worker in range(WORKERS if faulty else 0):
            bare.harness.set_generation(worker, generation)
        matches(bare, model)
        if turn % 25 == 0:
            carries(bare, model)
    assert 20 < accepted < 230, "both kinds were tried"
    bare.harness.commit([Op("VS_DEL", key) for key in model.services])
