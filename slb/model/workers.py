# SPDX-License-Identifier: BSD-3-Clause
"""How many workers there are to be."""

from typing import Annotated

from msgspec import Meta, Struct


class WorkersEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """Clients are spread over `count` workers; `end`: the sessions of the others end at once."""

    count: Annotated[int, Meta(ge=1, le=32, description="a whole number from 1 to 32")]
    end: bool = False
