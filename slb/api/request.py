# SPDX-License-Identifier: BSD-3-Clause
"""Reads what a client sent: bodies, keys in the path and the query. All raise BadRequest."""

import asyncio
from typing import TypeVar

import msgspec
from aiohttp import web

from slb.api.query import KEYS, Whole
from slb.errors import BadRequest, TextError
from slb.model import codec
from slb.model.address import Address, parse_address, show
from slb.model.desired import OwnerName
from slb.model.endpoint import Endpoint, VsKey
from slb.model.session_filter import Peer, SessionFilter

T = TypeVar("T")

BODY_TIMEOUT_S = 20.0
BODY_TIMEOUT: web.AppKey[float] = web.AppKey("body_timeout", float)
FILTERS = frozenset({"vs", "rs", "client", "worker"})


async def raw(request: web.Request) -> bytes:
    """Read the body as it is."""
    try:
        async with asyncio.timeout(request.app.get(BODY_TIMEOUT, BODY_TIMEOUT_S)):
            return await request.read()
    except TimeoutError:
        raise BadRequest("the body did not arrive in time") from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("the body ended early") from None


async def body(request: web.Request, kind: type[T]) -> T:
    """Read the body as JSON of that type."""
    text = await raw(request)
    try:
        return codec.decode(text, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from None


def vs_key(request: web.Request) -> VsKey:
    """Read the VS in the path."""
    return VsKey.parse(request.match_info["vs"])


def rs_key(request: web.Request) -> Endpoint:
    """Read the RS in the path."""
    return Endpoint.parse(request.match_info["rs"])


def address(request: web.Request) -> Address:
    """Read the address in the path."""
    return parse_address(request.match_info["address"])


def owner(request: web.Request) -> str:
    """Read the owner's name in the path."""
    name = request.match_info["owner"]
    try:
        return codec.convert(name, OwnerName)
    except msgspec.ValidationError:
        text = "is no owner's name: small letters, digits and -, 32 at most, a letter first"
        raise BadRequest(f"owner: {show(name)} {text}") from None


def known(request: web.Request, allowed: frozenset[str]) -> None:
    """Refuse query keys that the route does not know, and numbers that are none."""
    for key in request.query:
        if key not in allowed:
            hint = f"known: {', '.join(sorted(allowed))}" if allowed else "this route takes none"
            raise BadRequest(f"query: no such key {show(key)}; {hint}")
        if isinstance(KEYS[key], Whole):
            number(request, key)


def number(request: web.Request, key: str) -> int | None:
    """Read a whole number of the query; None when it is not there."""
    kind = KEYS[key]
    assert isinstance(kind, Whole), "only numbers are read so"
    low, high = kind.low, kind.high
    if (text := request.query.get(key)) is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 17 and low <= int(text) <= high):
        raise BadRequest(f"query {key}: {show(text)} is not a whole number from {low} to {high}")
    return int(text)


def flag(request: web.Request, key: str) -> bool:
    """Read a query key that is 1 or 0; False when it is not there."""
    return number(request, key) == 1


def session_filter(request: web.Request) -> SessionFilter:
    """Read a session filter of the query."""
    query = request.query
    try:
        return SessionFilter(
            vs=VsKey.parse(query["vs"]) if "vs" in query else None,
            rs=Peer.parse(query["rs"]) if "rs" in query else None,
            client=Peer.parse(query["client"]) if "client" in query else None,
            worker=number(request, "worker"),
        )
    except TextError as error:
        raise BadRequest(f"query: {error}") from None


def _field(message: str) -> str:
    text, _, where = message.rpartition(" - at `$")
    if not text:
        return message
    field = where.removeprefix(".").removesuffix("`")
    return f"{field}: {text}"
