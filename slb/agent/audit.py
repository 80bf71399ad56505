# SPDX-License-Identifier: BSD-3-Clause
"""Who changed what, or was refused: a line of JSON for each such request, by the logger slb.audit.

Nothing of a header is in it, and of a body what was understood, so no token can be. What a request
asks for, and has changed, is noted where the change is made, beside which others may go on.
"""

import logging
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from slb import logs
from slb.agent import asking
from slb.agent.access import IDENTITY, READING, address
from slb.agent.asking import Asking
from slb.api.errors import CODE, REQUEST_ID
from slb.model import codec

log = logging.getLogger("slb.audit")

MAX_PATH = 300
REFUSED = frozenset({401, 403})
# Who asks too often would fill the log; slb.agent.limits says once that he does.
TOO_MANY = 429


def to_stderr() -> None:
    """Write the lines as they are, without the program's name."""
    line = logging.Formatter("%(message)s")
    log.addHandler(logs.handler("slb-agent", line, line))
    log.propagate = False


@web.middleware
async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write the line of a request that changes something, or is refused for who sent it."""
    # Of a connection that ends before the answer nobody could tell later.
    where = address(request)
    with asking.begun() as asked:
        response = await handler(request)
    changes = request.method not in READING and response.status != TOO_MANY
    if changes or response.status in REFUSED:
        line = _line(request, response, asked, where)
        log.info("%s", codec.encode(line).decode(), extra={"fields": line})
    return response


def _line(
    request: web.Request, response: web.StreamResponse, asked: Asking, where: str | None
) -> dict[str, str | int | None]:
    identity = request.get(IDENTITY)
    line: dict[str, str | int | None] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": identity.name if identity else None,
    }
    if identity and identity.uid is not None:
        line |= {"uid": identity.uid, "pid": identity.pid}
    if where:
        line["from"] = where
    return line | {
        "method": request.method,
        "path": request.path[:MAX_PATH],
        "owner": asked.owner,
        "change": asked.change,
        "before": asked.before,
        "after": asked.after,
        "status": response.status,
        "code": response.get(CODE),
        "request": response.headers.get(REQUEST_ID),
    }
