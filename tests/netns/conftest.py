# SPDX-License-Identifier: BSD-3-Clause
"""Rigs of the netns tests; a failed test shows the last lines of its rig's logs."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from netns.bird_lan import Lan
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from rig.lb import LbSettings
from rig.registry import Registry
from rig.rig import Rig
from rig.services import all_services
from rig.stalling_slbd import __file__ as STALLING

# Short enough to be seen ending, long enough for the slowest test between two packets.
TIMEOUTS = {"udp_oneway": 4, "udp_replied": 4, "tcp_time_wait": 2, "tcp_close": 1}

SANITIZED = (
    "test_http.py",
    "test_udp.py",
    "test_changes_under_load.py",
    "test_families.py",
    "test_fragments.py",
    "test_icmp_errors.py",
)

# A test of a minute or more each, which come first, so that none of them is left over at the end.
LONG = ("test_kills.py", "test_torn.py", "test_requests.py")
# Here routers wait for each other most of the time, and nobody computes.
WAITING = (
    "test_bird.py",
    "test_bird_ipv6.py",
    "test_graceful_restart.py",
    "test_killed_bird.py",
    "test_lost_neighbour.py",
    "test_ospf.py",
    "test_ospf_frr.py",
    "test_ospf_options.py",
    "test_quorum.py",
    "test_stub_areas.py",
    "test_stub_networks.py",
    "test_system_bird.py",
)
THIRD = "gw2"  # the process that has them, by xdist's name


@pytest.fixture(scope="session", params=[1, 2], ids=["shared-w1", "shared-w2"])
def shared_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """The rig of every test that leaves slbd as it was, once with each number of workers.

    Its slbd can be made to stall, which test_stall needs and to the others makes no difference.
    """
    launcher = (sys.executable, str(STALLING))
    settings = LbSettings(workers=request.param, timeouts=TIMEOUTS, launcher=launcher)
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


@pytest.fixture
def rig(shared_rig: Rig) -> Rig:
    """The shared rig with HTTP, DNS and echo on every pod."""
    shared_rig.lb.apply(all_services())
    return shared_rig


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have traffic over two workers run on the sanitized build as well, and the longest first."""
    items.sort(key=lambda item: item.path.name not in LONG)
    for item in items:
        if item.path.name in SANITIZED and re.search(r"\[(shared-)?w2", item.name):
            item.add_marker(pytest.mark.asan)


def waits(scope: str) -> bool:
    """Whether those of a scope of ByRig's are such tests."""
    return Path(scope.partition(" ")[0]).name in WAITING


class ByRig(LoadScopeScheduling):
    """Tests of a rig follow each other in one process, so that it is started once.

    There is one rig that many modules share, and each has its own besides, with each number of
    workers. The third process has those that wait for routers, and no others: so they cost no time
    of their own, and the rest find as much of the CPUs as with two.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        third = node.gateway.id == THIRD
        for scope in self.workqueue:
            if waits(scope) == third:
                self.workqueue.move_to_end(scope, last=False)
                break
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if node.gateway.id != THIRD or any(map(waits, self.workqueue)):
            super()._reschedule(node)
        elif not node.shutting_down:
            node.shutdown()

    def _split_scope(self, nodeid: str) -> str:
        module, _, test = nodeid.partition("::")
        workers = re.search(r"\b(shared-)?w[12]\b", test)
        if workers is None:
            return module
        return workers[0] if workers[1] else f"{module} {workers[0]}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRig:
    """Let the tests of several processes be shared out by rigs."""
    return ByRig(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the logs of a failed test's rig to its report."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    arguments: dict[str, object] = getattr(item, "funcargs", {})
    rigs = {id(value): value for value in arguments.values() if isinstance(value, Rig)}
    if report.failed:
        report.sections += [(f"logs of {rig.registry.run}", rig.logs()) for rig in rigs.values()]
    return report  # type: ignore[return-value]


@pytest.fixture
def lan() -> Iterator[Lan]:
    """The topology without a BIRD; everything is gone afterwards, also when a test fails."""
    registry = Registry.create("slbt")
    try:
        lan = Lan(registry)
        try:
            yield lan
        finally:
            lan.close()
    finally:
        registry.remove()
