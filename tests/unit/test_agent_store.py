# SPDX-License-Identifier: BSD-3-Clause
"""The desired state on disk: torn, damaged, full, and killed in the middle."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace
from unit.agent_values import service, state

from slb.agent.store import Store
from slb.errors import ConfigError, NotStored

OLD, NEW = state(1, service(1, 1, 2)), state(2, service(1, 1), service(2, 3))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one, in tmp_path/state."""
    store = Store(tmp_path / "state")
    yield store
    store.close()


def newest_file(tmp_path: Path) -> Path:
    return max((tmp_path / "state").glob("state-*.json"))


def test_what_was_saved_is_there(store: Store) -> None:
    assert store.newest() is None
    store.save(OLD)
    store.save(NEW)
    assert store.newest() == NEW
    assert store.versions() == [NEW, OLD]
    assert store.next_generation() == 3


def test_torn_at_every_length(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a crash left of the newest file, the one before counts, and the log says so."""
    store.save(OLD)
    store.save(NEW)
    file = newest_file(tmp_path)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        caplog.clear()
        assert store.newest() == OLD, length
        (record,) = caplog.records
        assert record.levelno == logging.ERROR and str(file) in record.message
    file.write_bytes(whole)
    assert store.newest() == NEW


def test_every_octet_counts(store: Store, tmp_path: Path) -> None:
    store.save(OLD)
    store.save(NEW)
    file = newest_file(tmp_path)
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert store.newest() == OLD, place
    file.write_bytes(whole + b"\n")
    assert store.newest() == OLD


def test_a_good_file_under_another_number(store: Store, tmp_path: Path) -> None:
    store.save(OLD)
    store.save(NEW)
    file = newest_file(tmp_path)
    file.rename(file.with_name("state-000000000009.json"))
    assert store.newest() == OLD


def test_all_damaged_is_not_nothing(store: Store, tmp_path: Path) -> None:
    store.save(OLD)
    newest_file(tmp_path).write_bytes(b"")
    with pytest.raises(ConfigError, match="every version is damaged"):
        store.newest()


@pytest.mark.parametrize("kind", ["a field", "a form"])
def test_of_another_version(store: Store, tmp_path: Path, kind: str) -> None:
    """A newer agent's file is not torn: to take the one before would undo what was wanted."""
    store.save(OLD)
    store.save(NEW)
    file = newest_file(tmp_path)
    _, _, body = file.read_bytes().partition(b"\n")
    if kind == "a field":
        body = body.replace(b'{"generation"', b'{"more":1,"generation"', 1)
        number = b"1"
    else:
        number = b"3 zstd"
    words = (b"slb-agent", number, str(len(body)).encode(), sha256(body).hexdigest().encode())
    file.write_bytes(b" ".join(words) + b"\n" + body)
    with pytest.raises(ConfigError, match=rf"^{file}: another version of slb-agent wrote it"):
        store.newest()
    assert store.versions() == [OLD]
    file.write_bytes(file.read_bytes()[:-1])
    assert store.newest() == OLD, "a torn one is torn, whoever wrote it"


def test_the_operators_are_kept_across_a_start(tmp_path: Path) -> None:
    """Who made a version is read from disk, of a difference too."""
    many = [service(n, 1) for n in range(1, 251)]
    store = Store(tmp_path / "state", keep=2)
    for generation in range(1, 4):
        store.save(state(generation, *many[:-generation]))
    store.close()
    store = Store(tmp_path / "state", keep=2)
    last = store.newest()
    assert last is not None
    for generation in range(4, 9):
        store.save(replace(last, generation=generation, by="controller"))
    assert [kept.generation for kept in store.versions()] == [8, 7, 3, 2]
    store.close()


def test_a_number_is_given_once(tmp_path: Path) -> None:
    """Also that of a damaged version, which somebody may have been told."""
    for wanted in (1, 2, 3):
        store = Store(tmp_path / "state")
        assert store.next_generation() == wanted
        store.save(state(wanted))
        newest_file(tmp_path).write_bytes(b"")
        store.close()


def test_what_is_prepared_is_no_version_yet(tmp_path: Path) -> None:
    """Neither in this process nor after a crash, and it takes no number."""
    store = Store(tmp_path / "state")
    store.save(OLD)
    store.prepare(NEW)
    assert store.newest() == OLD and store.versions() == [OLD] and store.next_generation() == 2
    store.close()
    store = Store(tmp_path / "state")
    assert store.newest() == OLD
    other = state(2, service(7))
    store.prepare(other)
    store.keep_prepared()
    assert store.newest() == other and store.next_generation() == 3
    store.prepare(state(3))
    store.forget_prepared()
    assert not (tmp_path / "state" / "new").exists()
    assert store.newest() == other and store.next_generation() == 3
    store.close()


def test_only_the_last_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "state", keep=3)
    for generation in range(1, 8):
        store.save(state(generation, service(generation)))
    assert [kept.generation for kept in store.versions()] == [7, 6, 5]
    store.drop(7)
    assert [kept.generation for kept in store.versions()] == [6, 5]
    store.close()


def test_one_process_has_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another slb-agent has it"):
        Store(tmp_path / "state")


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used for the state: Not a directory"):
        Store(tmp_path / "file" / "state")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 64 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    """Nothing of what did not fit stays, and a smaller one fits afterwards."""
    store = Store(small_disk)
    store.save(OLD)
    large = state(2, *(service(n, *range(200)) for n in range(1, 50)))
    before = sorted(os.listdir(small_disk))
    with pytest.raises(NotStored, match="No space left on device; nothing has changed"):
        store.save(large)
    assert sorted(os.listdir(small_disk)) == before
    assert store.newest() == OLD
    store.save(state(3, service(1)))
    assert store.newest() == state(3, service(1))
    store.close()


WRITER = """
import sys
from pathlib import Path
from unit.agent_values import service, state
from slb.agent.store import Store
store = Store(Path(sys.argv[1]), keep=4)
n = store.next_generation()
while True:
    store.save(state(n, *(service(1 + m, n % 1000) for m in range(n % 40))))
    print(n, flush=True)
    n += 1
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """What was acknowledged is there after SIGKILL, or the one after, and whole."""
    folder = tmp_path / "state"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    acknowledged = 0
    for round_ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True, env=env
        )
        assert process.stdout is not None
        deadline = time.monotonic() + 0.05 * round_
        lines = []
        while not lines or time.monotonic() < deadline:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait(10)
        process.stdout.close()
        acknowledged = int(lines[-1])
        store = Store(folder)
        newest = store.newest()
        store.close()
        assert newest is not None and newest.generation in (acknowledged, acknowledged + 1)
        assert len(newest.services()) == newest.generation % 40
    assert acknowledged >= 6


def test_of_before_it_was_kept_who_made_it(store: Store, tmp_path: Path) -> None:
    """A version of an earlier slb-agent is read; what is not known of it stays so."""
    store.save(replace(NEW, who="uid 0", peer="pid 7"))
    file = newest_file(tmp_path)
    _, _, body = file.read_bytes().partition(b"\n")
    body = body.replace(b',"who":"uid 0","peer":"pid 7"', b"")
    head = f"slb-agent 1 {len(body)} {sha256(body).hexdigest()}\n"
    file.write_bytes(head.encode() + body)
    assert b"who" not in body and store.newest() == NEW
