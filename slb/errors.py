# SPDX-License-Identifier: BSD-3-Clause
"""Every error this product raises on purpose; its text is one line fit for an operator.

SlbError
├── TextError           a text is no address, endpoint, range or MAC (a ValueError too)
├── ConfigError         a configuration file is wrong; one line for each problem
├── RequestError        what the API answers with a status and a code
│   ├── BadRequest      400 bad_request
│   ├── Unauthorized    401 unauthorized
│   ├── Forbidden       403 forbidden
│   ├── NotFound        404 not_found
│   ├── UnknownVs       404 unknown_vs
│   ├── UnknownRs       404 unknown_rs
│   ├── UnknownLaddr    404 unknown_laddr
│   ├── UnknownOwner    404 unknown_owner
│   ├── Duplicate       409 duplicate
│   ├── DuplicateLaddr  409 duplicate_laddr
│   ├── Conflict        409 conflict
│   ├── OtherOwner      409 other_owner
│   ├── OtherAgent      409 other_agent
│   ├── Unconfirmed     409 unconfirmed
│   ├── TooMany         429 too_many
│   ├── NotReady        503 not_ready
│   ├── NotStored       507 not_stored
│   └── Full            507 full
├── EngineError         the engine did not start, or failed at a call (an OSError too)
├── KernelError         the kernel refused an interface, an address or a route
├── HostError           a NIC or its driver is not as it must be; what was changed is undone
├── OspfError           BIRD could not be started, driven or understood
├── Unreachable         no daemon answers at the socket
└── NoAnswer            the daemon took a request and did not answer in time
"""

from collections.abc import Mapping, Sequence


class SlbError(Exception):
    """The root of the tree."""


class TextError(SlbError, ValueError):
    """A text does not have the form it should have."""


class ConfigError(SlbError):
    """A configuration file is wrong; `problems` holds one line for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class RequestError(SlbError):
    """A request cannot be carried out; the class says which status and code the API gives it."""

    status = 500
    code = "internal"
    # What an answer says of it in its header.
    headers: Mapping[str, str] = {}


class BadRequest(RequestError):
    """The request itself is wrong."""

    status = 400
    code = "bad_request"


class Unauthorized(RequestError):
    """Nobody knows who asks."""

    status = 401
    code = "unauthorized"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class Forbidden(RequestError):
    """Who asks is known, and may not do that."""

    status = 403
    code = "forbidden"


class NotFound(RequestError):
    """Whoever answers does not know that route."""

    status = 404
    code = "not_found"


class UnknownVs(RequestError):
    """The VS that the request names does not exist."""

    status = 404
    code = "unknown_vs"


class UnknownRs(RequestError):
    """The RS that the request names does not exist in that VS."""

    status = 404
    code = "unknown_rs"


class UnknownLaddr(RequestError):
    """What the request names is no local address."""

    status = 404
    code = "unknown_laddr"


class UnknownOwner(RequestError):
    """Nobody of the name that the request says has ever sent a set, or he was removed."""

    status = 404
    code = "unknown_owner"


class Duplicate(RequestError):
    """What the request adds is there already."""

    status = 409
    code = "duplicate"


class DuplicateLaddr(RequestError):
    """What the request adds is a local address already."""

    status = 409
    code = "duplicate_laddr"


class Conflict(RequestError):
    """The request rests on a state that is not, or no longer, the one that is there."""

    status = 409
    code = "conflict"


class OtherOwner(RequestError):
    """The VS is in another owner's set."""

    status = 409
    code = "other_owner"


class OtherAgent(RequestError):
    """slbd follows another slb-agent, which lives."""

    status = 409
    code = "other_agent"


class Unconfirmed(RequestError):
    """An earlier change has to be confirmed or rolled back first."""

    status = 409
    code = "unconfirmed"


class TooMany(RequestError):
    """Who asks has asked too often; `wait_s` is when the next request may come."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, wait_s: int = 1) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(wait_s)}


class NotReady(RequestError):
    """The daemon starts, stops, or a worker did not acknowledge in time."""

    status = 503
    code = "not_ready"


class NotStored(RequestError):
    """The desired state cannot be written to disk; nothing has changed."""

    status = 507
    code = "not_stored"


class Full(RequestError):
    """A table or the memory for it is full."""

    status = 507
    code = "full"


class EngineError(SlbError, OSError):
    """The engine failed at a call; `errno` says how."""

    def __str__(self) -> str:
        return self.strerror or super().__str__()


class KernelError(SlbError):
    """The kernel refused a change to an interface, an address, a route or a neighbour."""


class HostError(SlbError):
    """A NIC, its driver or a file of the host is not as it must be; what was changed is undone."""


class OspfError(SlbError):
    """BIRD could not be started, driven or understood."""


class Unreachable(SlbError):
    """No daemon answers at the socket."""


class NoAnswer(SlbError):
    """The daemon took a request and did not answer in time; if `changing`, it may still do it."""

    def __init__(self, text: str, changing: bool = False) -> None:
        super().__init__(text)
        self.changing = changing


def request_error(code: str, message: str) -> RequestError:
    """Return the exception that the API's error `code` stands for."""
    classes = {kind.code: kind for kind in RequestError.__subclasses__()}
    return classes.get(code, RequestError)(message)
