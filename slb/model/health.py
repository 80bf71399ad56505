# SPDX-License-Identifier: BSD-3-Clause
"""How the RS of a VS are checked, and what is told of it: slb-agent's, slbd knows none of it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

Port = Annotated[int, Meta(ge=1, le=65535)]
Times = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Down = Literal["keep", "drain"]


class Check(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    tag_field="type",
):
    """What checks of every type have; `port` None: the RS's own.

    `rise` good results after another bring an RS back, `fall` bad ones take it out, of a VS at
    most `max_ejected_percent` of its RS. `down`: what comes of its sessions.
    """

    port: Port | None = None
    interval_s: Annotated[float, Meta(ge=0.1, le=3600)] = 2.0
    timeout_s: Annotated[float, Meta(ge=0.01, le=60)] = 1.0
    rise: Times = 2
    fall: Times = 3
    jitter_percent: Annotated[int, Meta(ge=0, le=50)] = 10
    down: Down = "keep"
    max_ejected_percent: Percent = 50

    def __post_init__(self) -> None:
        if self.timeout_s > self.interval_s:
            raise ValueError("timeout_s is longer than interval_s; make it shorter")

    @property
    def kind(self) -> str:
        """Its type's name."""
        return str(self.__struct_config__.tag)

    def probe(self) -> "Check":
        """Return the same without what is the VS's alone: equal ones need be made only once."""
        usual: dict[str, Any] = {"down": "keep", "max_ejected_percent": 50}
        return replace(self, **usual)


class TcpCheck(Check, frozen=True, tag="tcp"):
    """Good when a connection comes about."""


Health = TcpCheck


class HealthView(Struct, frozen=True):
    """What the checks of an RS say.

    `state`: up, down, or unknown until there are results. `effect`: in; out, it gets no new
    sessions; or capped, it would be out if not too many others were. `reason`: what the last bad
    result was. `since_s`: how long it has been in that state. `latency_ms`: of the last good one.
    """

    vs: str
    rs: str
    check: str
    state: str
    effect: str
    reason: str
    since_s: float
    latency_ms: float | None
