# SPDX-License-Identifier: BSD-3-Clause
"""Whose sessions are to end."""

from typing import Annotated

from msgspec import Meta, Struct

from slb.model.endpoint import Endpoint, VsKey

MAX_RESETS = 4096


class Reset(Struct, frozen=True, forbid_unknown_fields=True):
    """The sessions of an RS of a VS; without `rs` those of all RS that the VS has or had."""

    vs: VsKey
    rs: Endpoint | None = None


class Resets(Struct, frozen=True, forbid_unknown_fields=True):
    """The RS whose sessions are to end, all by one walk over the sessions."""

    resets: Annotated[
        tuple[Reset, ...],
        Meta(min_length=1, max_length=MAX_RESETS, description="whose: from 1 to 4096"),
    ]
