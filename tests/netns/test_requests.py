# SPDX-License-Identifier: BSD-3-Clause
"""All routes of slb-agent's API, asked for sense and for nonsense, with the engine behind them.

schemathesis ==TLS 1.3==> slb-agent --> slbd: two workers, no packets
"""

import json
from pathlib import Path
from string import ascii_lowercase

import pytest
import yaml

from rig.keys import PORT, Keys
from rig.pair import Pair
from rig.schemas import ask_all, done_of, operations
from slb.api.tokens import hashed, new_token
from slb.api.unix_http import exchange

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

HOST = "127.0.0.1"
OFTEN = {"requests_per_s": 100_000, "burst": 100_000}
# The names that it makes up are short, and else nothing gets as far as an owner's state.
OWNERS = ["operator", *ascii_lowercase]
SETTLED_S = 10.0
# There is no OSPF, nothing to confirm, and no address made up for `none0` that is not reserved; the
# description itself has been read already.
REFUSED = {
    ("POST", "/v1/ospf/restart"),
    ("POST", "/v1/confirm"),
    ("POST", "/v1/laddr"),
    ("GET", "/v1/openapi.json"),
}


def described(pair: Pair) -> dict[str, object]:
    """The agent's description of its API."""
    answer = exchange(str(pair.agent_socket), "GET", "/v1/openapi.json", None, 20)
    document: dict[str, object] = json.loads(answer.body)
    return document


def test_all_routes_with_the_engine(tmp_path: Path) -> None:
    """Nothing is a fault of ours, and both go on as they were, of one mind."""
    keys = Keys(tmp_path / "keys", [HOST])
    config = yaml.safe_load(keys.config.read_text()) | {"limits": OFTEN}
    token = new_token()
    config["tokens"] = [{"name": "all", "hash": hashed(token), "role": "write", "owners": OWNERS}]
    keys.config.write_text(yaml.safe_dump(config))
    who = ("--header", f"Authorization: Bearer {token}")
    with Pair(64, 1024, config=keys.config) as pair:
        pair.namespace.ip("link", "set", "lo", "up")
        pair.wait_applied()
        before = pair.slbd.version()
        url, under = f"https://{HOST}:{PORT}", pair.namespace.prefix()
        done = ask_all(url, keys.ca, who, tmp_path, pair.agent_socket, under)
        every = operations(described(pair))
        assert every - done_of(every, done) <= REFUSED
        pair.wait_applied(SETTLED_S)
        after = pair.slbd.version()
        assert (after.pid, after.instance) == (before.pid, before.instance)
        assert after.generation > before.generation
        generations = {worker.generation for worker in pair.slbd.worker_list()}
        assert generations == {after.generation}
        for log in pair.logs():
            assert "Traceback" not in log and "a defect" not in log, log[-4000:]
