# SPDX-License-Identifier: BSD-3-Clause
"""The cases that docs/conformance.md names are ones that run, whatever put their names together.

The lint step knows a case by its source only, where a part of its sentence may stand for anything.
"""

import re
from importlib import import_module
from pathlib import Path

import pytest
from case import Case

pytestmark = pytest.mark.path

DOC = Path(__file__).resolve().parents[2] / "docs/conformance.md"
NAMED = re.compile(r"`(cases_\w+): ([^`]+)`")


def sentences(module: str) -> set[str]:
    """Of the cases in a module's tables."""
    tables = [value for value in vars(import_module(module)).values() if isinstance(value, list)]
    return {case.sentence for table in tables for case in table if isinstance(case, Case)}


def test_every_case_that_is_named_runs() -> None:
    named = set(NAMED.findall(DOC.read_text()))
    assert len(named) > 50
    known = {module: sentences(module) for module, _ in named}
    assert not [f"{module}: {said}" for module, said in named if said not in known[module]]
