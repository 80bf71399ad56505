# SPDX-License-Identifier: BSD-3-Clause
"""One change of the VS and RS tables; a list of them is a transaction."""

from enum import Enum

from msgspec import Struct

from slb.model.endpoint import Endpoint, VsKey


class OpKind(Enum):
    """What an op does; the names are those of the engine's enum slb_op_kind."""

    VS_ADD = "+ vs"
    VS_EDIT = "~ vs"
    VS_DEL = "- vs"
    RS_ADD = "+ rs"
    RS_EDIT = "~ rs"
    RS_DEL = "- rs"


class Op(Struct, frozen=True):
    """A change; `was` is the value that an edit replaces, for showing it."""

    kind: OpKind
    vs: VsKey
    rs: Endpoint | None = None
    scheduler: str | None = None
    weight: int | None = None
    was: str | int | None = None

    def __str__(self) -> str:
        words = [self.kind.value, str(self.vs)]
        if self.rs is not None:
            words.append(str(self.rs))
        if self.scheduler is not None:
            words.append(_change("scheduler", self.was, self.scheduler))
        if self.weight is not None:
            words.append(_change("weight", self.was, self.weight))
        return " ".join(words)


def _change(what: str, was: object, now: object) -> str:
    return f"{what} {now}" if was is None else f"{what} {was} -> {now}"
