# SPDX-License-Identifier: BSD-3-Clause
"""RS that get new sessions though they are down, since too many others are out."""

from typing import Annotated

from msgspec import Meta, Struct

from slb.model.endpoint import Endpoint, VsKey


class DownRs(Struct, frozen=True, forbid_unknown_fields=True):
    """An RS of a VS that is down and in all the same."""

    vs: VsKey
    rs: Endpoint


class DownSet(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them: a quorum does not count these."""

    items: Annotated[tuple[DownRs, ...], Meta(description="a list of all; [] if there are none")]
