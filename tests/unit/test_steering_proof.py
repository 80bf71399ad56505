# SPDX-License-Identifier: BSD-3-Clause
"""New local addresses wait for what probes say of them, and not for ever."""

import asyncio
import time
from ipaddress import ip_address

import pytest
from msgspec.structs import replace
from unit.memory_engine import MemoryEngine

from slb.errors import NotReady
from slb.model.address import Address
from slb.model.probe import ProbeCount
from slb.steering import proof
from slb.steering.probe import A_SECOND, Probes
from slb.steering.proof import Proof
from slb.steering.watch import Watch

NEW = ip_address("198.18.0.9")
ALL = (8, 8)


class Answering(MemoryEngine):
    """Probes come back after so many attempts, to worker 0 or to another."""

    after = 1
    right = True

    def probe(self, address: Address, attempt: int) -> int:
        sent = super().probe(address, attempt)
        if sent and attempt + 1 >= self.after:
            seen = {"right": ALL} if self.right else {"elsewhere": ALL}
            self.probes = [
                replace(row, **seen) if row.address == address else row for row in self.probes
            ]
        return sent


def row(address: Address) -> ProbeCount:
    return ProbeCount(address, "lan0", 0, "flow", True)


def proving(after: int = 1) -> tuple[Answering, Proof]:
    engine = Answering()
    engine.after = after
    engine.probes = [row(NEW)]
    return engine, Proof(Watch(engine, {"lan0": 100}))


def waited(found: Proof) -> float:
    """How long the wait for the new address took."""
    began = time.monotonic()
    asyncio.run(found.wait([NEW]))
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "POLL_S", 0.01)


def test_until_it_is_proved(caplog: pytest.LogCaptureFixture) -> None:
    """By the second attempt, after a second."""
    engine, found = proving(after=2)
    assert 1.0 <= waited(found) < proof.PROOF_S
    assert len(engine.probed) == 2 and caplog.text == ""


def test_until_it_is_known_to_be_wrong(caplog: pytest.LogCaptureFixture) -> None:
    engine, found = proving()
    engine.right = False
    assert waited(found) < 1.0
    assert "although it is steered by flow" in caplog.text and "no probe" not in caplog.text


def test_not_for_ever(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(proof, "PROOF_S", 0.3)
    _, found = proving(after=1000)
    assert waited(found) >= 0.3
    assert caplog.text.count("\n") == 1
    assert f"{NEW}: no probe has come back; used all the same" in caplog.text


def test_not_without_a_next_hop(caplog: pytest.LogCaptureFixture) -> None:
    """Nor for one that the engine does not list, nor without an engine."""
    engine, found = proving()
    engine.next_hop = False
    assert waited(found) < 1.0
    engine.probes = []
    assert waited(found) < 1.0
    assert caplog.text == ""

    def gone() -> list[ProbeCount]:
        raise NotReady("slbd is stopping")

    engine.probe_list = gone  # type: ignore[method-assign]
    assert waited(found) < 1.0


def test_before_all_others() -> None:
    """Those of the port that were proved are probed again, but later, and so many a second."""
    engine = Answering()
    many = [ip_address(f"198.18.0.{n}") for n in range(10, 50)]
    engine.probes = [row(address) for address in (*many, ip_address("198.18.0.99"))]
    probes = Probes(engine)
    probes.look(10.0, [ip_address("198.18.0.99")])
    assert engine.probed[0] == ("198.18.0.99", 0)
    assert len(engine.probed) == A_SECOND
    probes.look(10.5)
    assert len(engine.probed) == A_SECOND
    probes.look(11.0)
    assert len(engine.probed) == 2 * A_SECOND
