# SPDX-License-Identifier: BSD-3-Clause
"""Why the guest suite is skipped, in the words of its set-up."""

from pathlib import Path

import pytest

from rig import probes


def test_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stamp").touch()
    monkeypatch.setattr(probes, "GUEST", tmp_path)
    assert probes.missing("guest") is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [("no such package\n", "no such package"), (None, "./dev test guest prepares it")],
)
def test_not_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, reason: str
) -> None:
    if said is not None:
        (tmp_path / "missing").write_text(said)
    monkeypatch.setattr(probes, "GUEST", tmp_path)
    assert probes.missing("guest") == f"no guest to boot: {reason}"
