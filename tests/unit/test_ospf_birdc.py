# SPDX-License-Identifier: BSD-3-Clause
"""birdc as a subprocess that may do anything: one clear error, soon, and no process left."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from unit.bird_setup import REPLIES, birdc, script

from ospf.birdc import Birdc
from slb.errors import OspfError


def ask(client: Birdc) -> list[str]:
    return asyncio.run(client.read("show status")).rows(13)


def test_reply_is_read(tmp_path: Path) -> None:
    assert ask(birdc(tmp_path, f"cat {REPLIES}/status.txt")) == ["Daemon is up and running"]


def test_words_on_the_command_line(tmp_path: Path) -> None:
    client = birdc(tmp_path, f'echo "$@" > {tmp_path}/words; cat {REPLIES}/status.txt')
    asyncio.run(client.read("show status"))
    assert (tmp_path / "words").read_text() == f"-v -r -s {tmp_path}/bird.ctl show status\n"
    asyncio.run(client.run("configure"))
    assert (tmp_path / "words").read_text() == f"-v -s {tmp_path}/bird.ctl configure\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("true", "birdc: it said nothing"),
        ("false", "birdc: it said nothing"),
        ("echo nonsense", "birdc: nonsense"),
        ("echo nonsense >&2; exit 1", "birdc: nonsense"),
        (f"cat {REPLIES}/status.txt; exit 3", "birdc: 'show status' ended with status 3"),
        (f"cat {REPLIES}/status.txt; kill -9 $$", "ended with status -9"),
        (f"cat {REPLIES}/denied.txt; exit 1", "BIRD refuses: Access denied"),
        ("head -c 100000 /dev/urandom", "birdc: "),
        ("cat /dev/zero", "birdc: the reply is longer than 16 MiB"),
        ("yes '1000-x'", "birdc: the reply is longer than 16 MiB"),
        ("printf '0001 BIRD'; sleep 60", "birdc: no answer to 'show status' within 0.5 s"),
        ("sleep 60", "birdc: no answer to 'show status' within 0.5 s"),
        ("sleep 60 & wait", "birdc: no answer"),
        ("trap '' TERM INT HUP; sleep 60", "birdc: no answer"),
        ("exec >&- 2>&-; sleep 60", "birdc: no answer"),
    ],
)
def test_hostile_birdc(tmp_path: Path, text: str, message: str) -> None:
    endless = text.startswith(("cat /dev/zero", "yes"))
    started = time.monotonic()
    with pytest.raises(OspfError, match=message) as caught:
        ask(birdc(tmp_path, text, timeout_s=60 if endless else 0.5))
    assert endless or time.monotonic() - started < 6
    assert str(caught.value).isprintable()
    assert still_running(tmp_path) == []


def still_running(directory: Path) -> list[str]:
    """Arguments of processes that came from our stand-in."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(directory) in words and "pytest" not in words:
            found.append(words)
    return found


def test_no_birdc_installed(tmp_path: Path) -> None:
    client = Birdc(tmp_path / "bird.ctl", program="no-such-birdc")
    with pytest.raises(OspfError, match=r"no-such-birdc is not installed.*bird2"):
        ask(client)


def test_birdc_that_is_no_program(tmp_path: Path) -> None:
    path = Path(script(tmp_path, ""))
    path.write_bytes(b"\x00\x01")
    with pytest.raises(OspfError, match="birdc: Exec format error"):
        ask(Birdc(tmp_path / "bird.ctl", str(path)))


def test_cancelled_question_leaves_no_process(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    client = birdc(tmp_path, f"echo > {asked}; sleep 60", timeout_s=30)

    async def cancel() -> None:
        question = asyncio.create_task(client.read("show status"))
        await asyncio.to_thread(asked.read_bytes)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question

    asyncio.run(cancel())
    assert still_running(tmp_path) == []


def test_cancelled_while_birdc_starts_leaves_no_process(tmp_path: Path) -> None:
    client = birdc(tmp_path, "sleep 60 & wait", timeout_s=30)

    async def cancel() -> None:
        question = asyncio.create_task(client.read("show status"))
        await asyncio.sleep(0)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question

    begun = time.monotonic()
    asyncio.run(cancel())
    assert time.monotonic() - begun < 30, "it waited for a child of what it had started"
    assert still_running(tmp_path) == []
