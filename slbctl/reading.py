# SPDX-License-Identifier: BSD-3-Clause
"""What `slbctl status` reads: everything once, and twice what moves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from slb.errors import ConfigError, NoAnswer, NotFound, NotReady, SlbError, Unreachable
from slb.model.desired import StatusView
from slb.model.views import (
    DropView,
    LaddrView,
    OspfView,
    PortView,
    RsView,
    SteeringView,
    Version,
    VsView,
    WorkerView,
)
from slbctl import options
from slbctl.call import ask
from slbctl.options import Target

if TYPE_CHECKING:
    from slb.api.client import Client

T = TypeVar("T")


class Trouble(Struct, frozen=True):
    """Something that needs attention, and the command that tells more of it or ends it."""

    what: str
    next: str


@dataclass(frozen=True)
class Moving:
    """What counts."""

    workers: list[WorkerView]
    drops: list[DropView]
    ports: list[PortView]


@dataclass(frozen=True)
class Reading:
    """All that the API says; empty, or None, where nobody has answered: `troubles` says so."""

    seconds: float
    before: Moving
    after: Moving
    version: Version | None = None
    vs: list[VsView] | None = None
    rs: list[RsView] | None = None
    laddrs: list[LaddrView] | None = None
    steering: list[SteeringView] | None = None
    ospf: OspfView | None = None
    desired: StatusView | None = None
    troubles: tuple[Trouble, ...] = ()


def read(target: Target, apart_s: float) -> Reading:
    """Read all; the counters twice, so far apart."""
    asker = _Asker(target)
    # First, because it finds out who answers.
    desired = asker.ask(lambda client: client.status(), None)
    started = time.monotonic()
    before = _moving(asker)
    version = asker.ask(lambda client: client.version(), None)
    vs = asker.ask(lambda client: client.vs_list(), None)
    rs = asker.ask(lambda client: client.rs_list(), None)
    laddrs = asker.ask(lambda client: client.laddr_list(), None)
    steering = asker.ask(lambda client: client.steering(), None)
    ospf = asker.ask(lambda client: client.ospf(), None)
    if not asker.gone:
        time.sleep(max(apart_s - (time.monotonic() - started), 0))
    seconds, after = time.monotonic() - started, _moving(asker)
    found = (version, vs, rs, laddrs, steering, ospf, desired)
    return Reading(seconds, before, after, *found, tuple(asker.troubles))


class _Asker:
    """Puts questions until nobody answers any more."""

    def __init__(self, target: Target) -> None:
        self.gone = False
        self.troubles: list[Trouble] = []
        self._target = target

    def ask(self, question: "Callable[[Client], T]", otherwise: T) -> T:
        """The answer; `otherwise` if there is none, which is a trouble, told once."""
        if self.gone:
            return otherwise
        try:
            return ask(self._target, question)
        except NotFound:
            # Of slb-agent, and slbd is here.
            return otherwise
        except Unreachable as error:
            return self._without(error, question, otherwise)
        except (NoAnswer, NotReady) as error:
            self._lose(error, "slbd")
        except ConfigError:
            # A file of slbctl's own options: nothing is asked.
            raise
        except SlbError as error:
            trouble = Trouble(str(error), "slbctl version")
            if trouble not in self.troubles:
                self.troubles.append(trouble)
        return otherwise

    def _without(self, error: SlbError, question: "Callable[[Client], T]", otherwise: T) -> T:
        """Goes on with slbd itself where slb-agent is away."""
        program = self._target.program
        self._lose(error, program)
        if program != "slb-agent":
            return otherwise
        self.gone, self._target = False, Target(options.SLBD_SOCKET, self._target.timeout_s)
        return self.ask(question, otherwise)

    def _lose(self, error: SlbError, program: str) -> None:
        self.gone = True
        commands = f"systemctl status {program}; journalctl -u {program} -n 50"
        self.troubles.append(Trouble(str(error), commands))


def _moving(asker: _Asker) -> Moving:
    return Moving(
        asker.ask(lambda client: client.worker_list(), []),
        asker.ask(lambda client: client.drops(), []),
        asker.ask(lambda client: client.port_list(), []),
    )
