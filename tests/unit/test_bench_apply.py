# SPDX-License-Identifier: BSD-3-Clause
"""`./dev bench apply`: a small set, by real processes; how fast they are matters not."""

from bench import apply


def test_a_small_set() -> None:
    made = {figure.key: figure for figure in apply.figures(1, vs=20, rs=2)}
    assert list(made) == ["apply.s", "apply.again", "apply.weight", "apply.delta"]
    runs = {key: len(figure.sides["all"]) for key, figure in made.items()}
    once, each = 1, apply.DELTAS
    assert list(runs.values()) == [once, once, each, each]
    assert min(min(figure.sides["all"]) for figure in made.values()) > 0
