# SPDX-License-Identifier: BSD-3-Clause
"""What a route takes and answers, as its handler says it: the source of its OpenAPI description.

A handler's third parameter is the body, decoded as its annotation says; what it returns is the
answer. So that a route does something else than what is told of it is a type error.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_type_hints

from aiohttp import web

Action = Callable[..., Awaitable[Any]]
JSON = "application/json"


@dataclass(frozen=True)
class Described:
    """A route; `takes` None: no body."""

    name: str
    summary: str
    gives: Any
    takes: Any = None
    query: frozenset[str] = frozenset()
    status: int = 200
    content: str = JSON


ROUTES: web.AppKey[dict[tuple[str, str], Described]] = web.AppKey("routes", dict)


def describe(
    action: Action, query: frozenset[str], status: int, gives: Any = None, name: str = ""
) -> Described:
    """Describe a handler; `gives` and `name` where several routes have the same one."""
    function = action.func if isinstance(action, partial) else action
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters)
    takes = hints[parameters[2]] if len(parameters) > 2 and parameters[2] == "body" else None
    summary = (function.__doc__ or "").partition("\n")[0].rstrip(".")
    return Described(
        name or function.__name__.strip("_"),
        summary,
        hints["return"] if gives is None else gives,
        takes,
        query,
        status,
    )
