# SPDX-License-Identifier: BSD-3-Clause
"""Alert rules and dashboard speak of metrics, labels and run-books that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import promql_parser as promql
import pytest
import yaml

from rig.exposition import documented, documented_of_agent
from slbctl.root import cli

TOP = Path(__file__).parents[2]
RULES = TOP / "configs/prometheus/slb.rules.yaml"
DASHBOARD = TOP / "configs/grafana/slb.json"
KNOWN = documented() | documented_of_agent()
# What Prometheus itself knows of everything that it scrapes.
SCRAPED = {"instance", "job"}
VALUES = {
    "state": set(
        "serving active draining idle standby waiting down proved unproved wrong up ejected unknown"
        " applied incomplete refused unreachable running full other lost".split()
    ),
    "effect": {"in", "out", "capped"},
    "job": {"slbd", "slb-agent"},
    "outcome": {"answered", "unanswered", "refused", "aborted"},
    "result": {"done", "refused", "failed", "denied", "good", "bad", "no_result"},
    "reason": {"quorum", "hold"}
    | set(re.findall(r"^\| `([A-Z_]+)`", (TOP / "docs/drops.md").read_text(), re.M)),
}


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """The panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """What the dashboard asks for, with Grafana's variables filled in."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    found += [note["expr"] for note in dashboard()["annotations"]["list"]]
    for variable in dashboard()["templating"]["list"]:
        if values := re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("definition", "")):
            found.append(f"count by ({values[2]}) ({values[1]})")
    return [text.replace("$__rate_interval", "5m").replace("$", "") for text in found]


def selectors(text: str) -> list[promql.VectorSelector]:
    """What an expression selects; raises ValueError where it is no PromQL."""
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> bool:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        return True

    promql.walk(promql.parse(text), visit)
    return found


def unknown(text: str) -> Iterator[str]:
    """Name what an expression speaks of and nobody exposes."""
    known = KNOWN | {"up": set[str]()}
    for selector in selectors(text):
        labels = known.get(str(selector.name))
        if labels is None:
            yield f"{selector.name}"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels | SCRAPED:
                yield f"{selector.name}: {matcher.name}"
            elif (
                matcher.name in VALUES and not set(matcher.value.split("|")) <= VALUES[matcher.name]
            ):
                yield f"{selector.name}: {matcher.name} {matcher.value}"


def test_the_check_finds_what_is_wrong() -> None:
    assert list(unknown("rate(slb_nothing[5m]) > 0")) == ["slb_nothing"]
    assert list(unknown('slb_generation{port="a"}')) == ["slb_generation: port"]
    wrong = 'slb_dropped_packets_total{reason=~"NO_RS|NO_SUCH"}'
    assert list(unknown(wrong)) == ["slb_dropped_packets_total: reason NO_RS|NO_SUCH"]
    with pytest.raises(ValueError):
        selectors("rate(slb_generation) >")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_alerts(rule: dict[str, Any]) -> None:
    """Its expression is PromQL about what there is, and what it says has the labels it names."""
    assert list(unknown(rule["expr"])) == []
    assert rule["labels"]["severity"] in ("page", "ticket")
    labels = {label for s in selectors(rule["expr"]) for label in KNOWN.get(str(s.name), set())}
    said = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert said <= labels | SCRAPED
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_run_books() -> None:
    """There is one for each alert, and none for an alert that is not there."""
    headings = re.findall(r"^### (Slb\w+)$", (TOP / "docs/operations.md").read_text(), re.M)
    assert headings == [rule["alert"] for rule in rules()]


def run_books() -> dict[str, str]:
    """What each says."""
    text = (TOP / "docs/operations.md").read_text()
    return dict(re.findall(r"^### (Slb\w+)\n\n(.+?)(?=^#|\Z)", text, re.M | re.S))


@pytest.mark.parametrize(("alert", "text"), run_books().items(), ids=list(run_books()))
def test_a_run_book_says_what_to_do(alert: str, text: str) -> None:
    """More than its alert has, something to do or to read, and verbs that there are."""
    assert len(text.split()) > 15
    assert re.search(r"`[^`]+`|\]\(", text)
    for words in re.findall(r"slbctl ((?:[a-z][a-z-]*[ `]?)+)", text):
        command: click.Command | None = cli
        for word in words.strip("` ").split():
            if isinstance(command, click.Group):
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"slbctl {words}"
        assert not isinstance(command, click.Group), f"slbctl {words}"


def test_the_dashboard_asks_for_what_there_is() -> None:
    found = queries()
    assert len(found) > 30
    assert [wrong for text in found for wrong in unknown(text)] == []


def test_the_dashboard_is_laid_out() -> None:
    """No panel covers another, and each has a number of its own."""
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in every):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert taken.isdisjoint(cells)
        taken |= cells
