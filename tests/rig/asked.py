# SPDX-License-Identifier: BSD-3-Clause
"""What schemathesis itself loads: what it asks about is there, and the stream ends.

The environment says where the agent's Unix socket is; without it nothing is put there.
"""

import os
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import schemathesis

from slb.api.client import Client
from slb.errors import SlbError
from slb.model.endpoint import Endpoint, VsKey
from slb.model.service import RealServer, Service

SOCKET = "SLB_ASKED_SOCKET"
# Not what the description has as an example, which is to be added.
VS, RS = "10.96.0.20:80/tcp", "10.10.0.1:8080"


# Of numbers made up, those that are good by themselves.
NUMBERS = ("epoch", "base_generation", "generation")
MOST = 2**31


def _fit(delta: Any) -> None:
    """Have a delta be for what is there, which nobody makes up."""
    if not isinstance(delta, dict) or (socket := os.environ.get(SOCKET)) is None:
        return
    if not all(type(delta.get(name)) is int and 0 <= delta[name] < MOST for name in NUMBERS):
        return
    with suppress(SlbError):
        owners = {one.owner: one for one in Client(socket).state(digest=True).owners}
        there = owners.get(str(delta.get("owner")))
        epoch, generation = (there.epoch, there.generation) if there else (0, 0)
        delta |= {"epoch": epoch, "base_generation": generation, "generation": generation + 1}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Put the VS there that it is about, let the stream end by itself, and ask of no old state."""
    path = case.operation.path
    if path == "/v1/events" and case.query.get("follow", 1) not in (0, "0"):
        case.query["follow"] = 0
    # The generation that is made up most often, which is never the state's: ask without one.
    if str((case.query or {}).get("base")) == "0":
        del case.query["base"]
    if path == "/v1/state" and case.method == "PATCH":
        _fit(case.body)
    vs = unquote(str((case.path_parameters or {}).get("vs", "")))
    if vs == VS and (socket := os.environ.get(SOCKET)):
        real = RealServer(Endpoint.parse(RS))
        with suppress(SlbError):
            Client(socket).vs_add(Service(VsKey.parse(VS), rs=(real,)))
        if not path.endswith("/rs"):
            with suppress(SlbError):
                Client(socket).rs_add(VsKey.parse(VS), real)
