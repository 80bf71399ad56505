# SPDX-License-Identifier: BSD-3-Clause
"""Junit reports: reading what pytest wrote, writing what lint found."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Counts:
    """The tests of one run; `skipped` and `trouble` name tests with a reason."""

    passed: int
    failed: int
    skipped: list[str]
    trouble: list[str]


def read_counts(report: Path, status: int | str) -> Counts:
    """Count a report's tests; a bad exit status that no failed test explains is one failure."""
    passed, skipped, trouble = 0, [], []
    for case in _cases(report):
        name = f"{case.get('classname', '').replace('.', '/')}::{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            trouble.append(name)
        elif skip is not None:
            skipped.append(f"{name}: {skip.get('message')}")
        else:
            passed += 1
    unexplained = _unexplained(status, passed + len(trouble) + len(skipped), len(trouble))
    trouble += unexplained
    return Counts(passed, len(trouble), skipped, trouble)


def _cases(report: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(report).iter("testcase"))
    except (FileNotFoundError, ElementTree.ParseError):
        return []


def _unexplained(status: int | str, ran: int, failed: int) -> list[str]:
    if ran == 0:
        return [f"ran no test (exit status {status})"]
    if status != 0 and not (status == 1 and failed):
        return [f"ended early (exit status {status})"]
    return []


def write_report(report: Path, suite: str, problems: dict[str, list[str]]) -> None:
    """Write one test case a check, failed where it found problems."""
    root = ElementTree.Element("testsuite", name=suite)
    for name, found in problems.items():
        case = ElementTree.SubElement(root, "testcase", classname=suite, name=name)
        if found:
            ElementTree.SubElement(case, "failure", message="\n".join(found))
    ElementTree.ElementTree(root).write(report)
