# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard is one of Grafana's, by the schema that Grafana publishes as Python types."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from unit.test_metrics_configs import dashboard

# What Grafana itself writes for queries of Prometheus, and its schema lacks.
BESIDE = {"definition", "titleFormat", "textFormat"}


@pytest.fixture(autouse=True)
def plugins() -> None:
    """Panels and queries of every kind are known."""
    register_default_plugins()


def lost(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Name what did not come through Grafana's types, so what they do not have."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name not in BESIDE:
                there = f"{place}.{name}"
                yield from lost(value, after[name], there) if name in after else iter([there])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, pair in enumerate(zip(before, after, strict=True)):
            yield from lost(*pair, f"{place}[{i}]")
    elif before != after:
        yield place


def through(found: dict[str, Any]) -> list[str]:
    """What is lost of a dashboard."""
    known = JSONEncoder().encode(Dashboard.from_json(deepcopy(found)))
    return list(lost(found, json.loads(known)))


def test_grafana_knows_all_of_it() -> None:
    assert through(dashboard()) == []


def test_the_check_finds_what_is_wrong() -> None:
    """In a panel, in what is of its kind, in a query, and in a variable."""
    found = dashboard()
    panel = found["panels"][1]
    panel["titel"] = "x"
    panel["options"]["colourMode"] = "value"
    panel["targets"][0]["legend"] = "x"
    found["templating"]["list"][1]["labels"] = "x"
    assert set(through(found)) == {
        ".templating.list[1].labels",
        ".panels[1].titel",
        ".panels[1].options.colourMode",
        ".panels[1].targets[0].legend",
    }


def test_every_panel_asks_the_data_source_that_is_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert all(panel["datasource"] == chosen for panel in panels)
    targets = [target for panel in panels for target in panel["targets"]]
    assert all(target["datasource"] == chosen for target in targets)
    for panel in panels:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
