# SPDX-License-Identifier: BSD-3-Clause
"""Requests that no client of ours sends: each gets one JSON error, and the server lives on."""

import asyncio
import contextlib
import gc
import json
import socket
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from unit.memory_engine import MemoryEngine
from unit.test_api_routes import VS, backend
from unit.threaded_client import Client
from yarl import URL

from slb.api import server
from slb.api.backend import Gate
from slb.api.server import Server, make_app
from slb.api.socket_file import SocketFile
from slb.errors import NoAnswer, NotReady
from slb.model import codec
from slb.model.service import Service

JSON = {"Content-Type": "application/json"}


class Raw:
    """A server, and requests to it as they come."""

    def __init__(self, folder: Path, body_timeout_s: float = 5.0) -> None:
        self.engine = MemoryEngine()
        self.gate = Gate()
        self.path = str(folder / "slbd.sock")
        self._timeout_s = body_timeout_s

    async def __aenter__(self) -> "Raw":
        self.gate.open(backend(self.engine))
        self._server = Server(make_app(self.gate, self._timeout_s))
        self._socket = SocketFile(self.path, 0o600)
        await self._server.start(self._socket.socket)
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=self.path))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.close()
        await self._server.stop()
        self._socket.close()

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Status, headers and JSON of an answer."""
        url = URL(f"http://slbd{path}", encoded=True)
        async with self._http.request(method, url, data=body, headers=headers) as answer:
            return answer.status, answer.headers, json.loads(await answer.read())


def exchange(folder: Path, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """One request to a server of its own."""

    async def once() -> Any:
        async with Raw(folder) as raw:
            return await raw.send(method, path, body, **headers)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "sentence"),
    [
        ("POST", "/v1/vs", b"{", 400, "bad_request", "the body is no JSON"),
        ("POST", "/v1/vs", b"", 400, "bad_request", "the body is no JSON"),
        ("POST", "/v1/vs", b"\xff\xfe", 400, "bad_request", "the body is no JSON"),
        ("POST", "/v1/vs", b"[" * 100_000, 400, "bad_request", ""),
        ("POST", "/v1/vs", b'{"vs": 5}', 400, "bad_request", "vs: Expected `str`, got `int`"),
        (
            "POST",
            "/v1/vs",
            b'{"vs":"10.96.0.1:80/tcp","rs":[{"rs":"1.1.1.1:1","weight":-1}]}',
            400,
            "bad_request",
            "rs[0].weight: Expected `int` >= 0",
        ),
        ("POST", "/v1/vs", b'{"vs":"x","y":1}', 400, "bad_request", ""),
        ("PATCH", "/v1/vs/nonsense", b'{"scheduler":"rr"}', 400, "bad_request", "'nonsense' is"),
        ("GET", "/v1/vs/10.96.0.1:80%2Ftcp%00", None, 400, "bad_request", "is not ADDRESS:PORT/"),
        ("GET", "/v1/vs?color=red", None, 400, "bad_request", "no such key 'color'"),
        ("DELETE", "/v1/vs/10.96.0.1:80%2Ftcp?dry_run=1", None, 400, "bad_request", "'dry_run'"),
        ("POST", "/v1/vs?dry_run=1", b"{}", 400, "bad_request", "this route takes none"),
        ("GET", "/v1/sessions?worker=-1", None, 400, "bad_request", "query worker: '-1'"),
        ("GET", f"/v1/sessions?limit={'9' * 5000}", None, 400, "bad_request", "query limit"),
        ("POST", "/v1/apply?dry_run=yes", b"{}", 400, "bad_request", "query dry_run: 'yes'"),
        ("GET", "/", None, 404, "not_found", "there is no /"),
        ("GET", "/v1/nothing", None, 404, "not_found", "there is no /v1/nothing"),
        ("PUT", "/v1/vs", b"{}", 405, "method_not_allowed", "PUT is not for /v1/vs; use GET"),
    ],
)
def test_wrong_requests(
    tmp_path: Path, method: str, path: str, body: bytes, status: int, code: str, sentence: str
) -> None:
    got, _, answer = exchange(tmp_path, method, path, body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert sentence in answer["error"]["message"]
    assert answer["error"]["message"].isprintable()


def test_a_body_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY", 1000)
    status, _, answer = exchange(tmp_path, "POST", "/v1/apply", b" " * 2000)
    assert (status, answer["error"]["code"]) == (413, "too_large")


def test_a_body_that_never_comes_does_not_keep_others_waiting(tmp_path: Path) -> None:
    async def slow() -> bytes:
        async with Raw(tmp_path, body_timeout_s=0.3) as raw:
            reader, writer = await asyncio.open_unix_connection(raw.path)
            writer.write(b"POST /v1/vs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            await writer.drain()
            assert (await raw.send("GET", "/v1/vs"))[0] == 200
            answer = await reader.readuntil(b"}}")
            writer.close()
            return answer

    answer = asyncio.run(slow())
    assert b" 400 " in answer.splitlines()[0]
    assert b"the body did not arrive in time" in answer


def test_a_request_id_goes_through_or_is_made(tmp_path: Path) -> None:
    assert exchange(tmp_path, "GET", "/v1/vs", **{"X-Request-Id": "abc-1"})[1]["X-Request-Id"] == (
        "abc-1"
    )
    made = exchange(tmp_path, "GET", "/v1/nothing", **{"X-Request-Id": "a b\tc"})[1]
    assert made["X-Request-Id"].isalnum()


def test_a_defect_is_one_line_and_says_where_to_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def broken() -> Any:
        async with Raw(tmp_path) as raw:
            raw.engine.vs_list = lambda: 1 // 0  # type: ignore[assignment,return-value]
            return await raw.send("GET", "/v1/vs", **{"X-Request-Id": "r7"})

    status, _, answer = asyncio.run(broken())
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert answer["error"]["message"] == "a defect of slbd; its log has request r7"
    assert "request r7: a defect: GET /v1/vs: ZeroDivisionError" in caplog.text
    assert "Traceback" not in caplog.text


def test_while_there_is_no_engine_the_answer_says_so(tmp_path: Path) -> None:
    async def ask() -> None:
        async with Raw(tmp_path) as raw:
            client = Client(raw.path)
            raw.gate.shut("slbd is stopping")
            with pytest.raises(NotReady, match="slbd is stopping"):
                await client.vs_list()

    asyncio.run(ask())


def test_a_client_that_goes_away_does_not_break_a_commit_in_two(tmp_path: Path) -> None:
    async def leave() -> None:
        async with Raw(tmp_path) as raw:
            started, finish = threading.Event(), threading.Event()

            def wait() -> None:
                started.set()
                finish.wait(5)

            raw.engine.before_commit = wait
            task = asyncio.create_task(
                raw.send("POST", "/v1/vs", codec.encode(Service(VS)), **JSON)
            )
            await asyncio.to_thread(started.wait, 5)
            task.cancel()
            raw.engine.before_commit = lambda: None
            client = Client(raw.path)
            waiting = asyncio.ensure_future(client.vs_del(VS))
            await client.vs_list()
            finish.set()
            await waiting
            assert await client.vs_list() == []
            assert [str(op) for ops in raw.engine.commits for op in ops] == [
                f"+ vs {VS} scheduler rr",
                f"- vs {VS}",
            ]

    asyncio.run(leave())


def test_a_late_answer(tmp_path: Path) -> None:
    async def ask() -> None:
        async with Raw(tmp_path) as raw:
            finish = threading.Event()

            def wait() -> None:
                finish.wait(5)

            raw.engine.before_commit = wait
            try:
                with pytest.raises(NoAnswer, match=r"did not answer within 0\.2 s"):
                    await Client(raw.path, timeout_s=0.2).vs_add(Service(VS))
            finally:
                finish.set()

    asyncio.run(ask())


@pytest.mark.parametrize("rounds", range(6))
def test_a_connection_that_comes_while_the_server_stops(tmp_path: Path, rounds: int) -> None:
    async def stop(client: socket.socket) -> None:
        async with Raw(tmp_path) as raw:
            client.connect(raw.path)
            for _ in range(rounds):
                await asyncio.sleep(0)

    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        asyncio.run(stop(client))
        # Whoever still held the connection would be found by the collector only.
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    gc.collect()
