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
from unit.alert_cases import CASES, END_S, SAMPLES, STEP_S, Series
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


def expected(rule: dict[str, Any], is_bad: bool) -> Iterator[dict[str, Any]]:
    """Whether the alert fires for its host at the end, and that it does not too soon."""
    name = rule["alert"]
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing",instance="{name}"}})'
    yes = [{"labels": "{}", "value": 1}]
    yield {"expr": firing, "eval_time": f"{END_S}s", "exp_samples": yes if is_bad else []}
    if wait := patience(rule):
        early = f"{max(wait - STEP_S, 0)}s"
        yield {"expr": firing, "eval_time": early, "exp_samples": []}


def course(is_bad: bool) -> dict[str, Any]:
    """A test of promtool's, of a host for each alert. One alone would evaluate all rules, too."""
    found = {name: case.bad if is_bad else case.good for name, case in CASES.items()}
    return {
        "name": "bad" if is_bad else "good",
        "interval": f"{STEP_S}s",
        "input_series": [row for name, each in found.items() for row in series(name, each)],
        "promql_expr_test": [row for rule in rules() for row in expected(rule, is_bad)],
    }


def test_there_is_a_case_for_each() -> None:
    assert list(CASES) == [rule["alert"] for rule in rules()]


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
