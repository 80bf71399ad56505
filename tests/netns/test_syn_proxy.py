# SPDX-License-Identifier: BSD-3-Clause
"""SYN proxy between real kernels: HTTP, large transfers, servers that speak first, and a flood.

client ---- switch ---- lb (slbd)    every TCP service with SYN proxy
           |      |
         node1  node2
"""

import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from scapy.utils import checksum

from rig.addresses import HTTP_PORT, PODS, local_prefixes
from rig.lb import LbSettings
from rig.netns import Namespace
from rig.payload import data, digest
from rig.raw import Raw
from rig.rig import Rig
from rig.services import service
from rig.waiting import wait
from rig.ways import WAYS, Way

pytestmark = pytest.mark.netns

SIZE = 10_000_000
FLOOD = 50_000
PORT = 9999  # of a listener of the test's own
only_v4 = pytest.mark.parametrize("way", WAYS[:1], ids=lambda way: way.name, indirect=True)
OPTIONS = ("tcp_timestamps", "tcp_window_scaling", "tcp_sack")


@pytest.fixture(scope="module", params=[1, 2], ids=["w1", "w2"])
def proxy_rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A rig without other services."""
    settings = LbSettings(workers=request.param, timeouts={"tcp_time_wait": 2, "tcp_close": 1})
    with Rig(settings) as rig:
        rig.wait_ospf()
        yield rig


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the four ways."""
    found: Way = request.param
    return found


@pytest.fixture
def rig(proxy_rig: Rig, way: Way) -> Rig:
    """HTTP on every pod, with SYN proxy."""
    proxy_rig.lb.apply([{**way.serve(80, "tcp", HTTP_PORT), "syn_proxy": True}])
    return proxy_rig


@contextmanager
def without(namespaces: list[Namespace], names: tuple[str, ...]) -> Iterator[None]:
    """Switch TCP options off for new connections."""

    def switch(value: str) -> None:
        for namespace in namespaces:
            for name in names:
                file = Path("/proc/sys/net/ipv4") / name
                namespace.call(lambda file=file: file.write_text(value))  # type: ignore[misc]

    switch("0")
    try:
        yield
    finally:
        switch("1")


def drops(rig: Rig) -> dict[str, int]:
    """Drops by their reasons."""
    return {row["reason"]: row["total"] for row in rig.lb.items("/v1/drops")}


def transfers(rig: Rig, way: Way, folder: Path, size: int = SIZE) -> None:
    """Both ways, at a speed that no stuck window would allow."""
    begun = time.monotonic()
    body = rig.client.download(f"{way.url}/bytes/{size}", folder / "down")
    assert digest(body) == digest(data(size))
    (folder / "up").write_bytes(data(size))
    answer = rig.client.curl("--data-binary", f"@{folder / 'up'}", f"{way.url}/upload")
    assert answer.split() == [str(size), digest(data(size))]
    assert time.monotonic() - begun < 10


def test_transfers(rig: Rig, way: Way, tmp_path: Path) -> None:
    transfers(rig, way, tmp_path)


def test_many_connections(rig: Rig, way: Way) -> None:
    """None of them waits for a timer of anybody's."""
    outcome = rig.client.http(400, width=50, target=way.http)
    assert outcome.failures == [] and outcome.answered == 400
    assert outcome.slowest_s < 3


@pytest.mark.parametrize("names", [(name,) for name in OPTIONS] + [OPTIONS], ids=str)
def test_a_client_without(rig: Rig, way: Way, names: tuple[str, ...], tmp_path: Path) -> None:
    """Time stamps, window scale, SACK."""
    with without([rig.client.namespace], names):
        transfers(rig, way, tmp_path, SIZE // 4)


@pytest.mark.parametrize("name", ["tcp_window_scaling", "tcp_sack"])
def test_a_server_without(rig: Rig, way: Way, name: str, tmp_path: Path) -> None:
    """It was granted to the client all the same."""
    with without([rig.node(number) for number in (1, 2)], (name,)):
        transfers(rig, way, tmp_path, SIZE // 4)


def test_a_server_without_time_stamps(rig: Rig, way: Way, tmp_path: Path) -> None:
    """A client that has them is refused, one that has not is served."""
    nodes = [rig.node(number) for number in (1, 2)]
    with without(nodes, ("tcp_timestamps",)):
        before = drops(rig)["SYN_STAMPS"]
        refused(rig, way)
        assert drops(rig)["SYN_STAMPS"] == before + 1
        with without([rig.client.namespace], ("tcp_timestamps",)):
            transfers(rig, way, tmp_path, SIZE // 10)


def refused(rig: Rig, way: Way) -> None:
    """The client, which was answered, gets an RST, at once or when it has connected."""
    with pytest.raises(ConnectionResetError), rig.client.tcp(way.http) as client:
        client.recv(1)


def serve(rig: Rig, way: Way, stack: ExitStack) -> socket.socket:
    """A listener of the test's own behind a VS with SYN proxy."""
    vs, pod = way.vs(80, "tcp"), PODS[0]
    rig.lb.apply([{**service(vs, {way.rs(pod, PORT): 1}), "syn_proxy": True}])

    def make() -> socket.socket:
        family = socket.AF_INET6 if ":" in pod.at(way.pods) else socket.AF_INET
        made = socket.create_server((pod.at(way.pods), PORT), family=family)
        made.settimeout(10)
        return made

    return stack.enter_context(rig.node(pod.node).call(make))


def test_a_server_that_speaks_first(rig: Rig, way: Way) -> None:
    """It has accepted before the client has said anything."""
    with ExitStack() as stack:
        listener = serve(rig, way, stack)
        client = stack.enter_context(rig.client.tcp(way.http))
        server = stack.enter_context(listener.accept()[0])
        server.sendall(b"220 ready\r\n")
        assert client.recv(99) == b"220 ready\r\n"
        client.sendall(b"QUIT\r\n")
        assert server.recv(99) == b"QUIT\r\n"
        server.close()
        assert client.recv(99) == b""


def test_a_server_that_is_slow_to_read(rig: Rig, way: Way) -> None:
    """Its window closes and opens again; the client stops and goes on."""
    with ExitStack() as stack:
        listener = serve(rig, way, stack)
        client = stack.enter_context(rig.client.tcp(way.http))
        server = stack.enter_context(listener.accept()[0])
        sent = rig.client.namespace.start(lambda: client.sendall(data(SIZE)))
        wait(lambda: server.recv(1, socket.MSG_PEEK), 5, "the first byte")
        received = b""
        while len(received) < SIZE:
            received += server.recv(1 << 16)
        sent.result(timeout=10)
        assert digest(received) == digest(data(SIZE))


def test_a_closed_port(rig: Rig, way: Way) -> None:
    """The client, which was answered, learns that it is refused."""
    vs = way.vs(80, "tcp")
    rig.lb.apply([{**service(vs, {way.rs(PODS[0], 9): 1}), "syn_proxy": True}])
    refused(rig, way)


@only_v4
def test_a_server_that_does_not_answer(rig: Rig, way: Way) -> None:
    """The client learns it after seven seconds."""
    node = rig.node(PODS[0].node)
    with ExitStack() as stack:
        serve(rig, way, stack)
        for prefix in local_prefixes(rig.settings.workers, way.pods):
            node.ip("route", "add", "blackhole", prefix)
            stack.callback(node.ip, "route", "del", "blackhole", prefix)
        begun = time.monotonic()
        refused(rig, way)
        assert 6 < time.monotonic() - begun < 12


def syn(chance: random.Random, target: tuple[str, int]) -> bytes:
    """The SYN of a random client, with right checksums."""
    source = bytes((20, *chance.randbytes(3)))
    destination = socket.inet_aton(target[0])
    options = b"\2\4\5\xb4\4\2\x08\x0a" + chance.randbytes(4) + bytes(4) + b"\1\3\3\7"
    head = struct.pack("!BBHHHBBH", 0x45, 0, 60, 0, 0, 64, 6, 0) + source + destination
    ports = struct.pack("!HH", chance.randrange(1024, 65536), target[1])
    segment = ports + chance.randbytes(4) + bytes(4) + struct.pack("!BBHHH", 0xA0, 2, 64240, 0, 0)
    segment += options
    value = checksum(source + destination + struct.pack("!HH", 6, 40) + segment)
    return head + segment[:16] + struct.pack("!H", value) + segment[18:]


@only_v4
def test_a_flood(rig: Rig, way: Way) -> None:
    """Not one session of it; and who means it is served all the while."""
    chance = random.Random(7)
    wait(lambda: not rig.lb.items("/v1/sessions"), 10, "the end of earlier sessions")
    before, answered = counted(rig, "sessions_created"), counted(rig, "tx_packets")
    with Raw(rig.client.namespace) as raw, rig.client.http_load(4, target=way.http) as load:
        flood = rig.client.namespace.start(
            lambda: [raw.send(syn(chance, way.http)) for _ in range(FLOOD)]
        )
        flood.result(timeout=60)
        wait(lambda: load.outcome.answered > 50, 10, "answers during the flood and behind it")
        outcome = load.stop()
    assert outcome.failures == []
    assert counted(rig, "tx_packets") - answered > FLOOD / 2
    assert counted(rig, "sessions_created") - before <= outcome.connections


def counted(rig: Rig, name: str) -> int:
    """A counter of all workers."""
    return sum(row[name] for row in rig.lb.items("/v1/workers"))
