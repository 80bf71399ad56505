# SPDX-License-Identifier: BSD-3-Clause
"""One change of the VS and RS tables; a list of them is a transaction."""

from enum import Enum

from msgspec import Struct

from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Policy
from slb.model.service import MAX_WEIGHT


class OpKind(Enum):
    """What an op does; the names are those of the engine's enum slb_op_kind."""

    VS_ADD = "+ vs"
    VS_EDIT = "~ vs"
    VS_DEL = "- vs"
    RS_ADD = "+ rs"
    RS_EDIT = "~ rs"
    RS_DEL = "- rs"


class Op(Struct, frozen=True):
    """A change; `was` is the value that an edit replaces, for showing it.

    VS_ADD and VS_EDIT have the whole policy, RS_ADD and RS_EDIT the weight.
    """

    kind: OpKind
    vs: VsKey
    rs: Endpoint | None = None
    policy: Policy | None = None
    weight: int | None = None
    was: Policy | int | None = None

    def complete(self) -> bool:
        """Tell whether it has what its kind needs, a weight within bounds too."""
        of_rs = self.kind in (OpKind.RS_ADD, OpKind.RS_EDIT, OpKind.RS_DEL)
        has_policy = self.kind in (OpKind.VS_ADD, OpKind.VS_EDIT)
        has_weight = self.kind in (OpKind.RS_ADD, OpKind.RS_EDIT)
        weight_fits = self.weight is not None and 0 <= self.weight <= MAX_WEIGHT
        return (
            (self.rs is not None) == of_rs
            and (self.policy is not None) == has_policy
            and (weight_fits if has_weight else self.weight is None)
        )

    def __str__(self) -> str:
        words = [self.kind.value, str(self.vs)]
        if self.rs is not None:
            words.append(str(self.rs))
        if self.policy is not None:
            words += _policy(self.was if isinstance(self.was, Policy) else None, self.policy)
        if self.weight is not None:
            before = "" if self.was is None else f"{self.was} -> "
            words.append(f"weight {before}{self.weight}")
        return " ".join(words)


class Transaction(Struct, frozen=True, forbid_unknown_fields=True):
    """Ops that hold together or not at all."""

    ops: tuple[Op, ...]


def _policy(was: Policy | None, policy: Policy) -> list[str]:
    now = policy.words()
    if was is None:
        usual = Policy().words() | {"scheduler": ""}
        return [f"{name} {text}" for name, text in now.items() if text != usual[name]]
    before = was.words()
    changed = (name for name in now if before[name] != now[name])
    return [f"{name} {before[name]} -> {now[name]}" for name in changed]
