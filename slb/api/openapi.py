# SPDX-License-Identifier: BSD-3-Clause
"""The OpenAPI 3.1 description of a table of routes, made of the types that serve the requests."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

import msgspec

from slb import __version__
from slb.api.client import ErrorBody
from slb.api.described import JSON, Described
from slb.api.query import KEYS, Text, Whole
from slb.model.address import Address
from slb.model.desired import OwnerName
from slb.model.endpoint import Endpoint, VsKey

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_IPV6 = r"[0-9a-fA-F:.]{2,45}"
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_ENDPOINT = rf"({_IPV4}|\[{_IPV6}\]):{_PORT}"
# The model's own types, which JSON has as texts.
TEXTS: dict[Any, tuple[str, str]] = {
    Address: (rf"^({_IPV4}|{_IPV6})$", "198.18.0.2"),
    IPv4Address: (rf"^{_IPV4}$", "192.0.2.1"),
    Endpoint: (rf"^{_ENDPOINT}$", "10.10.0.1:8080"),
    VsKey: (rf"^{_ENDPOINT}/(tcp|udp)$", "10.96.0.10:80/tcp"),
}
PATH: dict[str, Any] = {"vs": VsKey, "rs": Endpoint, "address": Address, "owner": OwnerName}
REFS = "#/components/schemas/{name}"
ABOUT = (
    "The desired state of a DPDK-SLB host, and what slbd does. A failure is "
    '{"error": {"code", "message"}}: the code is for programs, the message for people.'
)


def document(title: str, routes: Mapping[tuple[str, str], Described]) -> dict[str, Any]:
    """Return the description of routes, by method and path."""
    kinds = [kind for route in routes.values() for kind in (route.gives, route.takes) if kind]
    schemas, components = msgspec.json.schema_components(
        [ErrorBody, *kinds], schema_hook=_schema, ref_template=REFS
    )
    made = dict(zip([id(ErrorBody), *map(id, kinds)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), route in sorted(routes.items(), key=lambda item: item[0][::-1]):
        paths.setdefault(path, {})[method.lower()] = _operation(path, route, made)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
            },
        },
        "security": [{"token": []}, {"certificate": []}],
    }


def _operation(path: str, route: Described, made: Mapping[int, Any]) -> dict[str, Any]:
    parameters = [_in_path(name) for name in re.findall(r"{(\w+)}", path)]
    parameters += [_in_query(name) for name in sorted(route.query)]
    answer = {"description": route.summary, "content": _content(route.content, made, route.gives)}
    failure = {"description": "a refusal", "content": _content(JSON, made, ErrorBody)}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            str(route.status): answer,
            "4XX": failure,
            "5XX": {**failure, "description": "not now, or a fault"},
        },
    }
    if route.takes is not None:
        content = _content(JSON, made, route.takes)
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(kind: str, made: Mapping[int, Any], of: Any) -> dict[str, Any]:
    return {kind: {"schema": made[id(of)]}}


def _in_path(name: str) -> dict[str, Any]:
    schema = msgspec.json.schema(PATH[name], schema_hook=_schema)
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str) -> dict[str, Any]:
    match KEYS[name]:
        case Whole(low, high, what):
            schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
        case Text(what):
            schema = {"type": "string"}
    return {"name": name, "in": "query", "description": what, "schema": schema}


def _schema(kind: type) -> dict[str, Any]:
    pattern, example = TEXTS[kind]
    return {"type": "string", "pattern": pattern, "examples": [example]}
