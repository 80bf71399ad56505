# SPDX-License-Identifier: BSD-3-Clause
"""Those who read what slbd is slow to say do not keep slb-agent from its work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from unit.agent_values import key, service
from unit.fake_daemon import FakeDaemon
from unit.running_agent import PATIENCE_S, RunningAgent

from rig.waiting import wait
from slb.agent import forward
from slb.agent.agent import THREADS
from slb.api.client import Client
from slb.model.endpoint import VsKey
from slb.model.views import RsView

pytest_plugins = ["unit.daemon_fixture", "unit.agent_fixture"]


def test_a_change_while_many_wait_for_slbd(daemon: FakeDaemon, agent: RunningAgent) -> None:
    go_on = threading.Event()
    rs_list, asked = daemon.engine.rs_list, threading.Semaphore(0)

    def slow() -> list[RsView]:
        asked.release()
        go_on.wait(60)
        return rs_list()

    daemon.engine.rs_list = slow  # type: ignore[method-assign]
    many = THREADS + forward.AT_ONCE
    with ThreadPoolExecutor(many) as readers:
        try:
            answers = [readers.submit(Client(str(agent.socket)).rs_list) for _ in range(many)]
            assert asked.acquire(timeout=PATIENCE_S), "somebody waits"
            with pytest.raises(TimeoutError):
                answers[-1].result(timeout=0.5)
            agent.client.vs_add(service(2, 1))
            wait(lambda: str(key(2)) in daemon.services, PATIENCE_S, "slbd has it")
            assert not any(answer.done() for answer in answers)
        finally:
            go_on.set()
        assert all(key(2) in {VsKey.parse(row.vs) for row in one.result()} for one in answers)
