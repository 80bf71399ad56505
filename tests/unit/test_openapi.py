# SPDX-License-Identifier: BSD-3-Clause
"""The API's description: it is of the routes that there are, and its patterns fit."""

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from unit.running_agent import RunningAgent

from slb.agent.events import Events
from slb.agent.metrics import AgentMetrics
from slb.agent.record import Record
from slb.agent.routes import NOT_OURS, add_routes
from slb.api.backend import Gate
from slb.api.described import ROUTES
from slb.api.openapi import TEXTS
from slb.api.server import make_app
from slb.api.unix_http import exchange
from slb.model.address import parse_address
from slb.model.endpoint import Endpoint, VsKey

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]

ADDRESSES = ["192.0.2.1", "2001:db8::1"]


def described(agent: RunningAgent) -> Any:
    """The document."""
    answer = exchange(str(agent.socket), "GET", "/v1/openapi.json", None, 20)
    assert (answer.status, answer.content_type) == (200, "application/json")
    return json.loads(answer.body)


def test_it_has_every_route_and_its_types(agent: RunningAgent) -> None:
    found = described(agent)
    assert found["openapi"] == "3.1.0"
    paths = found["paths"]
    assert {"/v1/vs", "/v1/state", "/v1/workers", "/v1/events", "/v1/openapi.json"} <= paths.keys()
    assert "/v1/commit" not in paths, "that is slbd's alone"
    add = paths["/v1/vs"]["post"]
    assert (add["operationId"], add["summary"]) == ("vs_add", "Add a VS with its RS")
    assert [one["name"] for one in add["parameters"]] == ["base"]
    sent = add["requestBody"]["content"]["application/json"]["schema"]
    assert sent == {"$ref": "#/components/schemas/Service"}
    assert list(add["responses"]) == ["201", "4XX", "5XX"]
    service = found["components"]["schemas"]["Service"]
    assert service["properties"]["vs"]["examples"] == ["10.96.0.10:80/tcp"]
    stream = paths["/v1/events"]["get"]["responses"]["200"]["content"]
    assert list(stream) == ["application/x-ndjson"]
    operations = [one for path in paths.values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert all(one["summary"] for one in operations)


def test_no_route_of_slbds_is_left_out() -> None:
    app = make_app(Gate())
    assert app[ROUTES].keys() == answered(app), "the agent passes on what is described"


def test_the_agent_answers_all_of_slbds_routes_and_its_own(agent: RunningAgent) -> None:
    """All but what would change services beside the desired state, or what the checks say."""
    not_ours = {("POST", "/v1/commit"), ("PUT", "/v1/rs/down")}
    own = {
        ("POST", "/v1/confirm"),
        ("POST", "/v1/rollback"),
        ("GET", "/v1/history"),
        ("GET", "/v1/status"),
        ("GET", "/v1/health"),
        ("GET", "/v1/state"),
        ("PUT", "/v1/state"),
        ("PATCH", "/v1/state"),
        ("DELETE", "/v1/owners/{owner}"),
        ("GET", "/v1/events"),
        ("GET", "/metrics/agent"),
        ("GET", "/v1/openapi.json"),
    }
    slbds = make_app(Gate())[ROUTES].keys()
    assert not_ours == NOT_OURS and not_ours < slbds
    told = {
        (method.upper(), path)
        for path, methods in described(agent)["paths"].items()
        for method in methods
    }
    assert told == (slbds - not_ours) | own


def test_the_agent_answers_what_it_describes() -> None:
    app, nothing = web.Application(), cast(Any, SimpleNamespace(events=Events()))
    metrics = AgentMetrics(nothing, nothing, Record(), None)
    add_routes(nothing, nothing, nothing, nothing, metrics, None, app)
    assert app[ROUTES].keys() == answered(app)


def answered(app: web.Application) -> set[tuple[str, str]]:
    """The routes that there are; whoever answers GET may answer HEAD."""
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


@pytest.mark.parametrize("text", ["10.96.0.10:80/tcp", "[2001:db8::1]:65535/udp"])
def test_patterns_fit_what_is_written(text: str) -> None:
    patterns = {kind: re.compile(pattern) for kind, (pattern, _) in TEXTS.items()}
    assert patterns[VsKey].search(text) and VsKey.parse(text)
    endpoint = text.rpartition("/")[0]
    assert patterns[Endpoint].search(endpoint) and Endpoint.parse(endpoint)
    assert not patterns[VsKey].search(endpoint)
    for kind, (pattern, example) in TEXTS.items():
        assert re.search(pattern, example), kind
    for wrong in ("10.96.0.256:80/tcp", "10.96.0.10:65536/tcp", "10.96.0.10:80/sctp", f"{text}\n"):
        assert not re.search(r"\A(?:" + patterns[VsKey].pattern + r")\Z", wrong)
    assert all(parse_address(one) for one in ADDRESSES)
