# SPDX-License-Identifier: BSD-3-Clause
"""What slb-agent tells of itself, of slbd and of what it watches, as it happens."""

from typing import Annotated

from msgspec import Meta, Struct

Value = str | int | float | bool | None
EventKind = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

MISSED = "missed"


class Event(Struct, frozen=True):
    """Something that happened at `time`, in seconds since 1970; what `data` has is the kind's.

    Ids rise by one; those of a later start of the agent are higher. `missed` stands for what a
    reader came too late for: from behind `after` to before the next event; `count` is None where
    an earlier start of the agent had some of them.
    """

    id: int
    time: float
    kind: EventKind
    data: dict[str, Value]
