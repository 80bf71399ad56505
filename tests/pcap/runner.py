# SPDX-License-Identifier: BSD-3-Clause
"""The engine in a process of its own, without slbd: `runner.py JOB`, a file with a Job as JSON.

Prints the ports' MACs as a line of JSON once everything is configured, then a Reading for each line
on its standard input, and closes the engine when that ends.
"""

import sys
from pathlib import Path

from msgspec import Struct

from slb.engine.native import NativeEngine
from slb.model import views
from slb.model.codec import decode, encode
from slb.model.config import Config
from slb.model.forwarding import Forwarding
from slb.model.session_filter import SessionFilter
from slb.tables.plan import plan


class Job(Struct, frozen=True):
    """What to start with; the services are those of the configuration."""

    config: Config
    view: Forwarding


class Reading(Struct, frozen=True):
    """All counters."""

    workers: list[views.WorkerView]
    drops: list[views.DropView]
    ports: list[views.PortView]
    vs: list[views.VsView]
    rs: list[views.RsView]
    sessions: list[views.SessionView]


def read(engine: NativeEngine) -> Reading:
    """Ask the engine for everything."""
    return Reading(
        engine.worker_list(),
        engine.drop_list(),
        engine.port_list(),
        engine.vs_list(),
        engine.rs_list(),
        engine.session_list(SessionFilter(), 100_000).items,
    )


def say(value: object) -> None:
    """Print a line of JSON."""
    sys.stdout.buffer.write(encode(value) + b"\n")
    sys.stdout.flush()


def main() -> None:
    """Run one job."""
    job = decode(Path(sys.argv[1]).read_bytes(), Job)
    engine = NativeEngine(job.config)
    try:
        engine.forward_set(job.view)
        engine.commit(plan([], job.config.services))
        say([port.mac for port in engine.port_list()])
        for _ in sys.stdin:
            say(read(engine))
    finally:
        engine.close()


if __name__ == "__main__":
    main()
