# SPDX-License-Identifier: BSD-3-Clause
"""Sets of services that show whether they are whole, and a thread that applies one after the other.

Every RS of a set has the set's number as its weight, and the number says which VS and RS there are:
of two sets that were mixed up, one or the other would be seen. Sets whose numbers differ by a
multiple of SAME_VS have the same VS, so that routes can stay while all else goes on changing.
"""

import os
import random
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rig.services import service
from rig.waiting import RigError
from slb.errors import SlbError

Found = dict[str, dict[str, int]]

NUMBERS = 1000
SAME_VS = 20
VS_MOST = 6
RS_MOST = 4
REST_S = 60


def rounds(variable: str, usual: int) -> int:
    """How often, as the environment says."""
    return int(os.environ.get(variable, usual))


def dice() -> random.Random:
    """Made with $SLB_KILL_SEED, else anew; the seed is printed, for a failure to be repeated."""
    seed = int(os.environ.get("SLB_KILL_SEED", secrets.randbelow(10**9)))
    print(f"SLB_KILL_SEED={seed}")
    return random.Random(seed)


def numbered(number: int) -> list[dict[str, Any]]:
    """The set with that number, which is at most NUMBERS; 0 is the empty one."""
    if number == 0:
        return []
    chance = random.Random(number)
    rs = {f"10.10.9.{n}:8080": number for n in range(1, 1 + chance.randint(1, RS_MOST))}
    of_vs = random.Random(number % SAME_VS)
    places = of_vs.sample(range(1, 20), of_vs.randint(1, VS_MOST))
    return [service(f"10.96.1.{place}:80/tcp", rs) for place in places]


def found(services: Sequence[Mapping[str, Any]]) -> Found:
    """Services as export has them, as what can be compared."""
    return {s["vs"]: {real["rs"]: real["weight"] for real in s["rs"]} for s in services}


def number_of(seen: Found) -> int | None:
    """Which numbered set this is; None: a torn one."""
    numbers = {weight for real in seen.values() for weight in real.values()}
    number = min(numbers, default=0)
    return number if seen == found(numbered(number)) else None


class Changer:
    """Applies one numbered set after the other, `always` with each, but while `lock` is held.

    `apply` may raise OSError, RigError or SlbError: who was asked has died, and the set may hold or
    not. `look` reads what there is at this moment; it may raise the same. `step`: what lies between
    the numbers of two sets.
    """

    def __init__(
        self,
        apply: Callable[[list[dict[str, Any]]], object],
        look: Callable[[], Found],
        always: Sequence[dict[str, Any]],
        pause_s: float,
    ) -> None:
        self.asked = self.answered = self.looks = self.tried = 0
        self.step = 1
        self.torn: list[Found] = []
        self.lock = threading.Lock()
        self._apply, self._look, self._always, self._pause_s = apply, look, always, pause_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="changer", daemon=True)

    def __enter__(self) -> "Changer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(REST_S)

    def may_be(self, seen: Found) -> bool:
        """Tell whether this is the last set that was answered, or one that was asked for later."""
        number = self._number(seen)
        return number is not None and number in self._later()

    def _later(self) -> set[int]:
        return {n % NUMBERS for n in range(self.answered, self.asked + 1)}

    def _number(self, seen: Found) -> int | None:
        usual = found(self._always)
        if not usual.items() <= seen.items():
            return None
        return number_of({vs: real for vs, real in seen.items() if vs not in usual})

    def _run(self) -> None:
        while not self._end.wait(self._pause_s):
            with self.lock:
                self._one()

    def _one(self) -> None:
        self.asked += self.step
        # The empty set is of no kind.
        self.asked += self.step if self.asked % NUMBERS == 0 and self.step > 1 else 0
        self.tried += 1
        with suppress(OSError, RigError, SlbError):
            self._apply([*self._always, *numbered(self.asked % NUMBERS)])
            self.answered = self.asked
        with suppress(OSError, RigError, SlbError):
            seen = self._look()
            self.looks += 1
            # An slbd that was just started has none.
            if seen and self._number(seen) is None:
                self.torn.append(seen)
