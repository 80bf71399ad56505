# SPDX-License-Identifier: BSD-3-Clause
"""The desired state as a value: owners, epochs, snapshots, deltas, confirmations."""

import pytest
from msgspec.structs import replace
from unit.agent_values import key, service, state

from slb.agent import state as states
from slb.agent.state import Owner, State
from slb.errors import BadRequest, Conflict, OtherOwner, Unconfirmed
from slb.model.desired import OPERATOR, Delta, Snapshot, digest

K8S = "controller"


def having(*numbers: int, epoch: int = 3, generation: int = 7) -> State:
    """The operator's VS 1, and the controller's."""
    services = tuple(service(n, 1) for n in numbers)
    return state(5, service(1, 1), controller=Owner(services, epoch, generation))


def numbers(state: State, owner: str = K8S) -> list[int]:
    return sorted(int(s.vs.address) & 0xFF for s in state.owner(owner).services)


def test_a_digest_does_not_depend_on_order() -> None:
    one, two = service(1, 1, 2), service(2, 3)
    turned = replace(one, rs=one.rs[::-1])
    assert digest([one, two]) == digest([two, turned]) != digest([one])


def test_nobody_touches_what_is_anothers() -> None:
    with pytest.raises(OtherOwner, match=r"VS 10.96.0.1:80/tcp is operator's; change it there"):
        states.put(having(), Snapshot(K8S, 3, 8, (service(1),)))
    with pytest.raises(OtherOwner, match="is controller's"):
        states.give(having(2), OPERATOR, [service(2)])
    assert numbers(states.give(having(2), OPERATOR, []), K8S) == [2]


def test_a_snapshot_replaces_the_owners_set_alone() -> None:
    new = states.put(having(2, 3), Snapshot(K8S, 3, 8, (service(4),)))
    assert (numbers(new), numbers(new, OPERATOR)) == ([4], [1])
    assert (new.owner(K8S).epoch, new.owner(K8S).generation) == (3, 8)


@pytest.mark.parametrize(
    ("epoch", "generation", "services", "sentence"),
    [
        (2, 99, (4,), "epoch 2 is over, 3 has begun"),
        (3, 6, (2,), "generation 6 of epoch 3 is not newer than 7"),
        (3, 7, (4,), "generation 7 of epoch 3 is not newer than 7"),
    ],
)
def test_an_old_snapshot_is_refused(
    epoch: int, generation: int, services: tuple[int, ...], sentence: str
) -> None:
    snapshot = Snapshot(K8S, epoch, generation, tuple(service(n, 1) for n in services))
    with pytest.raises(Conflict, match=sentence):
        states.put(having(2), snapshot)


def test_the_same_snapshot_again_changes_nothing() -> None:
    assert states.put(having(2), Snapshot(K8S, 3, 7, (service(2, 1),))) == having(2)


def test_a_new_epoch_counts_anew() -> None:
    new = states.put(having(2), Snapshot(K8S, 4, 1, (service(3),)))
    assert (new.owner(K8S).epoch, new.owner(K8S).generation, numbers(new)) == (4, 1, [3])


@pytest.mark.parametrize("epoch", [3, 4])
def test_an_empty_set_is_asked_for(epoch: int) -> None:
    with pytest.raises(BadRequest, match="say so with allow_empty"):
        states.put(having(2), Snapshot(K8S, epoch, 8, ()))
    new = states.put(having(2), Snapshot(K8S, epoch, 8, (), allow_empty=True))
    assert numbers(new) == []


def test_a_damaged_snapshot() -> None:
    with pytest.raises(BadRequest, match="digest: it is not that of services"):
        states.put(having(), Snapshot(K8S, 3, 8, (service(2),), digest([service(3)])))


def test_the_operators_set_has_its_own_routes() -> None:
    with pytest.raises(BadRequest, match="owner: operator is for slbctl"):
        states.put(having(), Snapshot(OPERATOR, 1, 1, (service(2),)))


def test_a_delta_is_added_to_what_it_was_made_for() -> None:
    wanted = (service(3, 5), service(4))
    delta = Delta(K8S, 3, 7, 8, wanted, (key(2),), digest(wanted))
    new = states.patch(having(2, 3), delta)
    assert digest(new.owner(K8S).services) == digest(wanted)
    assert new.owner(K8S).generation == 8
    again = states.patch(having(2), Delta(K8S, 3, 7, 8, deletes=(key(9),)))
    assert numbers(again) == [2], "what is not there may be deleted"


@pytest.mark.parametrize(
    ("delta", "error", "sentence"),
    [
        (Delta(K8S, 2, 7, 8), Conflict, "epoch 2 is over"),
        (Delta(K8S, 3, 6, 8), Conflict, "here is generation 7 of epoch 3, not 6 of 3; send a full"),
        (Delta(K8S, 4, 7, 8), Conflict, "here is generation 7 of epoch 3, not 7 of 4"),
        (Delta(K8S, 3, 7, 7), BadRequest, "must be greater than base_generation"),
        (Delta(K8S, 3, 7, 8, (service(2),), (key(2),)), BadRequest, "there twice"),
        (Delta(K8S, 3, 7, 8, (service(4),), (), digest([])), Conflict, "another digest"),
        (Delta(K8S, 3, 7, 8, (service(1),)), OtherOwner, "is operator's"),
        (Delta("nobody", 1, 1, 2), Conflict, "here is generation 0 of epoch 0"),
    ],
)
def test_a_delta_that_does_not_fit(delta: Delta, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        states.patch(having(2), delta)


def test_what_is_to_be_confirmed_comes_back() -> None:
    old = having(2)
    new = states.give(old, OPERATOR, [service(8)])
    new = states.to_confirm(old, new, OPERATOR, 60, 1000.0)
    assert states.overdue(new, 1059.0) == []
    assert states.overdue(new, 1061.0) == [OPERATOR]
    with pytest.raises(Unconfirmed):
        states.settled(new, OPERATOR)
    assert states.settled(new, K8S) is new
    assert states.rolled_back(new, OPERATOR) == old
    kept = states.confirmed(new, OPERATOR)
    assert (numbers(kept, OPERATOR), states.overdue(kept, 2000.0)) == ([8], [])
    with pytest.raises(Conflict, match="nothing waits"):
        states.confirmed(kept, OPERATOR)


def test_what_may_come_back_is_not_anothers_meanwhile() -> None:
    old = having()
    new = states.to_confirm(old, states.give(old, OPERATOR, []), OPERATOR, 60, 0.0)
    with pytest.raises(OtherOwner):
        states.put(new, Snapshot(K8S, 3, 8, (service(1),)))


def test_a_clock_set_back_does_not_prolong_the_time() -> None:
    old = having()
    new = states.to_confirm(old, states.give(old, OPERATOR, []), OPERATOR, 60, 1e9)
    assert states.left(new.owner(OPERATOR), 0.0) == 60
