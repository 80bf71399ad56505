# SPDX-License-Identifier: BSD-3-Clause
"""Every alert, by Prometheus's own promtool: it fires when it should, no sooner, and else never."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.alert_cases import ALSO, CASES, END_S, NEVER, SAMPLES, STEP_S, Series
from unit.test_metrics_configs import RULES, rules

CONFIG = RULES.with_name("prometheus.yml")
UNITS = {"s": 1, "m": 60, "h": 3600}

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="not installed: promtool")


def promtool(*words: str) -> str:
    """What it prints when it is content."""
    done = subprocess.run(
        ["promtool", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def series(host: str, found: Series) -> list[dict[str, str]]:
    """As promtool takes them, of a host."""
    return [
        {"series": f"{name.partition('{')[0]}{{{_labels(name, host)}}}", "values": values}
        for name, values in found.items()
    ]


def _labels(name: str, host: str) -> str:
    given = name.partition("{")[2].rstrip("}")
    return ",".join(filter(None, [given, f'instance="{host}"']))


def patience(rule: dict[str, Any]) -> int:
    """Its `for` in seconds."""
    number, unit = re.fullmatch(r"(\d+)([smh])", rule.get("for", "0s")).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def hosts(name: str, is_bad: bool) -> dict[str, Series]:
    """A host for each course of an alert that it must fire at, or must not."""
    case, more = CASES[name], (ALSO if is_bad else NEVER).get(name, [])
    courses = [case.bad if is_bad else case.good, *more]
    return {f"{name}-{number}": each for number, each in enumerate(courses)}


def expected(rule: dict[str, Any], host: str, is_bad: bool) -> Iterator[dict[str, Any]]:
    """Whether the alert fires for a host at the end, and that it does not too soon."""
    name = rule["alert"]
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing",instance="{host}"}})'
    yes = [{"labels": "{}", "value": 1}]
    yield {"expr": firing, "eval_time": f"{END_S}s", "exp_samples": yes if is_bad else []}
    if wait := patience(rule):
        early = f"{max(wait - STEP_S, 0)}s"
        yield {"expr": firing, "eval_time": early, "exp_samples": []}


def course(is_bad: bool) -> dict[str, Any]:
    """A test of promtool's of all alerts. One alone would evaluate all rules, too."""
    every = [(rule, hosts(rule["alert"], is_bad)) for rule in rules()]
    return {
        "name": "bad" if is_bad else "good",
        "interval": f"{STEP_S}s",
        "input_series": [
            row for _, found in every for host, each in found.items() for row in series(host, each)
        ],
        "promql_expr_test": [
            row for rule, found in every for host in found for row in expected(rule, host, is_bad)
        ],
    }


def test_there_is_a_case_for_each() -> None:
    assert list(CASES) == [rule["alert"] for rule in rules()]
    assert {*ALSO, *NEVER} <= CASES.keys()


def test_each_branch_has_a_course() -> None:
    """Each word of a choice among labels, and each side of an `or`."""
    for rule in rules():
        name, text = rule["alert"], rule["expr"]
        bad, good = ([*hosts(name, is_bad).values()] for is_bad in (True, False))
        for negated, words in re.findall(r'=?(!|=)~"([^"]+)"', text):
            shown = str(good if negated == "!" else bad)
            assert [word for word in words.split("|") if f'"{word}"' not in shown] == [], name
        sides = [set(re.findall(r"slb_\w+|\bup\b", side)) for side in text.split(" or ")]
        for side in sides if len(sides) > 1 else ():
            own = [each for each in bad if side & {key.partition("{")[0] for key in each}]
            assert own, (name, side)


def test_all_alerts(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    whole = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{STEP_S}s",
        "tests": [course(True), course(False)],
    }
    file.write_text(yaml.safe_dump(whole))
    assert "SUCCESS" in promtool("test", "rules", str(file))


def test_promtool_finds_nothing_wrong() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))
    # The files that it names are of a host.
    promtool("check", "config", "--syntax-only", str(CONFIG))


def test_a_course_is_long_enough() -> None:
    """Longer than the longest `for` with what its expression looks back at."""
    assert max(map(patience, rules())) + 3600 < END_S == STEP_S * SAMPLES
