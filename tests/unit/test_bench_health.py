# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench health`: slb-agent's checks of a few RS, by real processes."""

import pytest
from bench import health_agent


def test_a_small_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_agent, "SETTLE_S", 1.0)
    kinds = {case.key: case for case in health_agent.CASES}
    monkeypatch.setattr(health_agent, "CASES", (kinds["tcp"], kinds["grpc.kept"]))
    made = list(health_agent.figures(1, vs=4, rs=5))
    assert [figure.key for figure in made] == ["agent.tcp", "agent.grpc.kept"]
    assert all(0 < figure.value < 1 for figure in made)
