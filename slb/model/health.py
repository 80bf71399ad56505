# SPDX-License-Identifier: BSD-3-Clause
"""How the RS of a VS are checked, and what is told of it: slb-agent's, slbd knows none of it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]
Times = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Down = Literal["keep", "drain", "reset"]
ReuseS = Annotated[float, Meta(ge=0, le=3600)]
# As they stand in a request, so without blanks and line breaks.
UrlPath = Annotated[
    str, Meta(pattern=r"^/[!-~]*\Z", max_length=1024, description="a path, /healthz")
]
HostName = Annotated[
    str, Meta(pattern=r"^[!-.0-~]*\Z", max_length=255, description="a host's name")
]
Status = Annotated[
    Annotated[int, Meta(ge=100, le=599)]
    | Annotated[str, Meta(pattern=r"^[1-5]\d\d(-[1-5]\d\d)?\Z")],
    Meta(description='a status or a range, 200 or "200-299"'),
]
Text = Annotated[str, Meta(max_length=1024, description="a text in quotes, or hex:00ff")]
DnsName = Annotated[
    str,
    Meta(
        pattern=r"^(([!-\-/-\[\]-~]{1,63}\.)*[!-\-/-\[\]-~]{1,63}\.?|\.)\Z",
        max_length=253,
        description="a name, www.example.org",
    ),
]
Record = Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]
Rcode = Literal["NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL", "NOTIMP", "FORMERR"]
HEX = "hex:"


class Passive(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What clients' own connections must say of an RS for it to be ejected for a while.

    Of those of the last `window_s`, at least `min_connections`: such a share is unanswered, refused
    or reset, or answers take `latency_factor` times as long as those of the VS's other RS, and at
    least `min_latency_ms`. What is 0 is not looked at. Each further ejection takes twice as long
    as the last, from `eject_s` to `max_eject_s`; who has been in for that long begins anew.
    """

    window_s: Annotated[int, Meta(ge=2, le=3600)] = 10
    min_connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    unanswered_percent: Percent = 50
    refused_percent: Percent = 50
    reset_percent: Percent = 0
    latency_factor: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    min_latency_ms: Annotated[float, Meta(ge=0, le=60_000)] = 5.0
    eject_s: Annotated[int, Meta(ge=1, le=86_400)] = 30
    max_eject_s: Annotated[int, Meta(ge=1, le=86_400)] = 300

    def __post_init__(self) -> None:
        if 0 < self.latency_factor <= 1:
            raise ValueError("latency_factor is at most 1; make it greater, or 0")
        if self.max_eject_s < self.eject_s:
            raise ValueError("max_eject_s is shorter than eject_s; make it longer")
        looked_at = (
            *(self.unanswered_percent, self.refused_percent, self.reset_percent),
            self.latency_factor,
        )
        if not any(looked_at):
            raise ValueError("all thresholds are 0; leave passive out, or give one")


class _Health(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    tag_field="type",
):
    """What tells how RS are found down, by its type."""

    @property
    def kind(self) -> str:
        """Its type's name."""
        return str(self.__struct_config__.tag)


class Check(_Health, frozen=True, kw_only=True):
    """What checks of every type have; `port` None: the RS's own.

    `rise` good results after another bring an RS back, `fall` bad ones take it out, of a VS at
    most `max_ejected_percent` of its RS. `down`: what comes of its sessions. `passive`: what else
    may take it out.
    """

    port: Port | None = None
    interval_s: Annotated[float, Meta(ge=0.1, le=3600)] = 2.0
    timeout_s: Annotated[float, Meta(ge=0.01, le=60)] = 1.0
    rise: Times = 2
    fall: Times = 3
    jitter_percent: Annotated[int, Meta(ge=0, le=50)] = 10
    down: Down = "keep"
    max_ejected_percent: Percent = 50
    passive: Passive | None = None

    def __post_init__(self) -> None:
        if self.timeout_s > self.interval_s:
            raise ValueError("timeout_s is longer than interval_s; make it shorter")


class TcpCheck(Check, frozen=True, tag="tcp"):
    """Good when a connection comes about."""


class HttpCheck(Check, frozen=True, tag="http"):
    """Good when the answer has one of these statuses and, in its first 64 KiB, that text.

    `host` is what the request names, the RS's address if empty. No redirection is followed.
    `reuse_s`: so long one connection may serve check after check; 0: each has one of its own.
    """

    path: UrlPath = "/"
    host: HostName = ""
    method: Literal["GET", "HEAD"] = "GET"
    status: Annotated[tuple[Status, ...], Meta(min_length=1, max_length=16)] = ("200-399",)
    body: Annotated[str, Meta(max_length=1024)] = ""
    reuse_s: ReuseS = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.body and self.method == "HEAD":
            raise ValueError("an answer to HEAD has no body; use GET, or leave body out")

    def has_status(self, status: int) -> bool:
        """Tell whether a status is one of the good ones."""
        return any(_within(status, one) for one in self.status)


class HttpsCheck(HttpCheck, frozen=True, tag="https"):
    """The same by TLS; `host` is the name asked for. `verify`: its certificate must be good."""

    verify: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _verifiable(self.verify, self.host)


class UdpCheck(Check, frozen=True, tag="udp"):
    """Good when a datagram is answered by one that contains `expect`."""

    send: Text = ""
    expect: Text = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in (self.send, self.expect):
            octets(text)


class DnsCheck(Check, frozen=True, tag="dns"):
    """Good when a query is answered with that code."""

    name: DnsName
    protocol: Literal["udp", "tcp"] = "udp"
    record: Record = "A"
    rcode: Rcode = "NOERROR"


class IcmpCheck(Check, frozen=True, tag="icmp"):
    """Good when an echo request is answered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.port is not None:
            raise ValueError("port is not for icmp; remove it")


class GrpcCheck(Check, frozen=True, tag="grpc"):
    """Good when gRPC's health service says that `service` serves; "": all of it.

    `host`: whom the request names, the RS's address if empty. `reuse_s` as of http.
    """

    service: Annotated[
        str, Meta(pattern=r"^[!-~]*\Z", max_length=100, description="a service's name")
    ] = ""
    host: HostName = ""
    reuse_s: ReuseS = 0.0


class GrpcsCheck(GrpcCheck, frozen=True, tag="grpcs"):
    """The same by TLS; `host` is the name asked for. `verify`: its certificate must be good."""

    verify: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _verifiable(self.verify, self.host)


class CommandCheck(Check, frozen=True, tag="command"):
    """Good when a program ends with status 0.

    Its file lies in the directory that slb-agent was given for such programs.
    """

    program: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z",
            description="the name of a file: letters, digits, _ . -",
        ),
    ]
    arguments: Annotated[
        tuple[Annotated[str, Meta(max_length=1024, pattern=r"^[^\x00]*\Z")], ...],
        Meta(max_length=32),
    ] = ()


class NoCheck(_Health, frozen=True, kw_only=True, tag="none"):
    """No check: what clients' connections say is all."""

    passive: Passive
    down: Down = "keep"
    max_ejected_percent: Percent = 50


Health = (
    TcpCheck
    | HttpCheck
    | HttpsCheck
    | UdpCheck
    | DnsCheck
    | IcmpCheck
    | GrpcCheck
    | GrpcsCheck
    | CommandCheck
    | NoCheck
)


def octets(text: str) -> bytes:
    """Return what a text stands for; raises ValueError when it is no hexadecimal one."""
    if not text.startswith(HEX):
        return text.encode()
    try:
        return bytes.fromhex(text.removeprefix(HEX))
    except ValueError:
        raise ValueError(f"{text[:40]!r}: hex: is for pairs of hexadecimal digits") from None


def _verifiable(verify: bool, host: str) -> None:
    if verify and not host:
        raise ValueError("verify needs host, the name that the certificate is for")


def _within(status: int, good: int | str) -> bool:
    low, _, high = str(good).partition("-")
    return int(low) <= status <= int(high or low)


class HealthView(Struct, frozen=True):
    """What the checks of an RS and its clients' connections say.

    `state`: up, down, ejected, or unknown until there are results. `effect`: in; out, it gets no
    new sessions; or capped, it would be out if not too many others were. `reason`: what the last
    bad result was, or why it was ejected. `since_s`: how long it has been in that state.
    `latency_ms`: of the last good one. `passive`: what became of its connections lately.
    """

    vs: str
    rs: str
    check: str
    state: str
    effect: str
    reason: str
    since_s: float
    latency_ms: float | None
    passive: str = ""
