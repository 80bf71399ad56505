# SPDX-License-Identifier: BSD-3-Clause
"""A control socket at which something else than BIRD answers, with the real birdc in between."""

import asyncio
import contextlib
import shutil
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ospf import birdc
from ospf.announce import Announcer
from ospf.model import Setup
from slb.errors import OspfError
from slb.model.config import Ospf

pytestmark = pytest.mark.skipif(shutil.which("birdc") is None, reason="birdc is not installed")

HELLO = b"0001 BIRD 2.0.12 ready.\n"
OK = b"0000 \n"
NEVER = None


async def attach(directory: Path, greeting: bytes, answer: bytes | None) -> None:
    """Start an announcer that attaches to whoever answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(greeting)
            while greeting == HELLO and await reader.readline():
                if answer is not NEVER:
                    writer.write(answer)
        writer.close()

    control = directory / "bird.ctl"
    ospf = Ospf(
        mode="system", control_socket=str(control), include_file=str(directory / "slb.conf")
    )
    async with await asyncio.start_unix_server(serve, str(control)):
        await Announcer(Setup(ospf, IPv4Address("192.0.2.2"), ("slb0",), directory)).start()


@pytest.mark.parametrize(
    ("greeting", "answer", "message"),
    [
        (b"", OK, "birdc: Connection closed by server"),
        (b"\xff\xfe\x00garbage\n", OK, "birdc: Connection closed by server"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", OK, "birdc: Connection closed by server"),
        (HELLO, NEVER, "birdc: no answer to 'show status' within 0.5 s"),
        (HELLO, b"\x00\x01\x02\xff" * 500, "birdc: no answer to 'show status'"),
        (HELLO, b"9001 Syntax \x1b[31merror\n", r"BIRD refuses: Syntax  \[31merror"),
        (HELLO, b"8007 Access denied\n", "BIRD refuses: Access denied"),
        (HELLO, b"1000-" + b"x" * 200_000 + b"\n" + OK, "birdc: .*too-long"),
    ],
)
def test_one_line_says_what_and_where(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    greeting: bytes,
    answer: bytes | None,
    message: str,
) -> None:
    monkeypatch.setattr(birdc.Birdc.__init__, "__defaults__", ("birdc", 0.5))
    where = rf"; ospf\.control_socket, {tmp_path}/bird\.ctl, must be that of a BIRD that runs"
    with pytest.raises(OspfError, match=f"{message}.*{where}") as caught:
        asyncio.run(attach(tmp_path, greeting, answer))
    assert str(caught.value).isprintable()
    assert not (tmp_path / "slb.conf").exists()


@pytest.mark.parametrize("answer", [OK, b"1002-theirs Static master4 up\n" + OK])
def test_who_agrees_to_everything_does_not_read_our_file(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(OspfError, match=r"BIRD does not read .*slb\.conf: add include"):
        asyncio.run(attach(tmp_path, HELLO, answer))
    assert "protocol" not in (tmp_path / "slb.conf").read_text()
