# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus makes of a scrape: figures by their names and labels."""

import re
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

DOC = Path(__file__).parents[2] / "docs/metrics.md"
OF_AGENT = "slb_agent_"
Key = tuple[str, frozenset[tuple[str, str]]]
Samples = dict[Key, float]


def samples(text: str) -> Samples:
    """Parse an exposition; a series that is there twice, or a family without help, fails."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def written(table: str) -> Samples:
    """Parse a table as a test writes it: a line for each series, as in an exposition."""
    text = "\n".join(line.strip() for line in table.strip().splitlines()) + "\n"
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(found: Mapping[Key, float], name: str, **labels: str) -> float:
    """One figure."""
    return found[name, frozenset(labels.items())]


def total(found: Mapping[Key, float], name: str, **labels: str) -> float:
    """The sum of a family's figures that have these labels among theirs."""
    wanted = labels.items()
    return sum(value for (known, has), value in found.items() if known == name and wanted <= has)


def names(found: Mapping[Key, float]) -> set[str]:
    """The families' names."""
    return {name for name, _ in found}


def fallen(before: Mapping[Key, float], after: Mapping[Key, float]) -> list[Key]:
    """The counters that are less than they were; one that is gone is none of them."""
    return [
        key
        for key, was in before.items()
        if key[0].endswith("_total") and after.get(key, was) < was
    ]


def documented() -> dict[str, set[str]]:
    """The names of docs/metrics.md that slbd exposes, with their labels."""
    return {name: labels for name, labels in _named().items() if not name.startswith(OF_AGENT)}


def documented_of_agent() -> dict[str, set[str]]:
    """The same for slb-agent."""
    return {name: labels for name, labels in _named().items() if name.startswith(OF_AGENT)}


def _named() -> dict[str, set[str]]:
    return {
        name: set(re.findall(r"\w+", row[2]))
        for line in DOC.read_text().splitlines()
        if len(row := line.split("|")) > 3
        for name in re.findall(r"`(slb_\w+)`", row[1])
    }
