# SPDX-License-Identifier: BSD-3-Clause
"""slbctl token: a token, its hash, and a file that nobody else may read."""

import stat
from pathlib import Path

from unit.slbctl_run import failure, slbctl

from slb.api.tokens import find
from slb.model.agent_config import TokenRule


def test_a_token_and_the_hash_that_knows_it() -> None:
    shown = slbctl(None, "token", "new", "--json").json
    rule = TokenRule("a", shown["hash"])
    assert find([rule], shown["token"]) == rule
    assert [line.split()[0] for line in slbctl(None, "token", "new").lines] == ["token", "hash"]


def test_into_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "token"
    done = slbctl(None, "token", "new", "--file", str(path))
    token = path.read_text().strip()
    rule = TokenRule("a", done.lines[0].removeprefix("hash "))
    assert find([rule], token) == rule
    assert token not in done.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = failure(slbctl(None, "token", "new", "--file", str(path)), 1)
    assert again == f"{path}: cannot be written: File exists"
    assert path.read_text().strip() == token
