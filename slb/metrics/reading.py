# SPDX-License-Identifier: BSD-3-Clause
"""Everything that one scrape shows, read at one time."""

from collections.abc import Mapping
from dataclasses import dataclass

from slb import __version__
from slb.engine.protocol import Engine
from slb.metrics.facts import Facts
from slb.model import views
from slb.steering.watch import Watch
from slb.tables.apply import Tables


@dataclass(frozen=True)
class Reading:
    """What the engine, the steering and OSPF answered."""

    version: views.Version
    facts: Facts
    transactions: Mapping[str, int]
    transacted_at: Mapping[str, float]
    workers: list[views.WorkerView]
    worker_bytes: list[views.WorkerBytes]
    drops: list[views.DropView]
    ports: list[views.PortView]
    steering: list[views.SteeringView]
    laddrs: list[views.LaddrView]
    vs: list[views.VsView]
    rs: list[views.RsView]
    ospf: views.OspfView


def read(
    engine: Engine,
    steering: Watch,
    ospf: views.OspfView,
    facts: Facts,
    tables: Tables,
) -> Reading:
    """Ask for everything; blocks, raises NotReady and EngineError."""
    workers = engine.worker_list()
    generation = min((worker.generation for worker in workers), default=0)
    # VS before RS: a session that begins in between cannot make an RS exceed its VS for long, and
    # neither list is old when the other is read.
    return Reading(
        version=views.Version(__version__, engine.abi, engine.dpdk, 0, generation),
        facts=facts,
        transactions=dict(tables.results),
        transacted_at=dict(tables.last),
        workers=workers,
        worker_bytes=engine.worker_bytes(),
        drops=engine.drop_list(),
        ports=engine.port_list(),
        steering=steering.rows(),
        laddrs=engine.laddr_list(),
        vs=engine.vs_list(),
        rs=engine.rs_list(),
        ospf=ospf,
    )
