# SPDX-License-Identifier: BSD-3-Clause
"""Local addresses as they are added: to which port."""

from typing import Annotated

from msgspec import Meta, Struct

from slb.model.address import Address


class LaddrAdd(Struct, frozen=True, forbid_unknown_fields=True):
    """Local addresses that a port gets, all or none."""

    port: str
    addresses: Annotated[
        tuple[Address, ...],
        Meta(min_length=1, description="a list of addresses, at least one"),
    ]
