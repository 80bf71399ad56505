# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent by TLS from another host: who is let in, what they may do, and what nobody sees.

client: slbctl, curl ==TLS 1.3==> switch ==> lan0 [slbd] slb0: slb-agent ==> slbd
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.addresses import HTTP_VS, LB, PODS
from rig.agent import Agent
from rig.certificates import Authority, Pair
from rig.keys import OPS, PORT, Keys
from rig.lb import LbSettings, program
from rig.netns import Namespace, environment
from rig.process import Process
from rig.rig import Rig
from rig.waiting import wait

pytestmark = pytest.mark.netns

URL = f"https://{LB}:{PORT}"
PATIENCE_S = 15
OTHER_VS = "10.96.0.77:80/tcp"
# Of curl: the handshake failed, or the other side has ended it after its own part.
NO_TLS = (35, 56)


@dataclass
class Secure:
    """A rig whose agent is reached from the client's namespace."""

    rig: Rig
    agent: Agent
    keys: Keys

    @property
    def away(self) -> Namespace:
        """Where requests come from."""
        return self.rig.client.namespace

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        argv = [*self.away.prefix(), *words]
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=environment(),
        )

    def slbctl(self, pair: Pair, *words: str) -> subprocess.CompletedProcess[str]:
        """Run slbctl with a certificate."""
        return self.run(program("slbctl"), *self.options(pair), *words)

    def options(self, pair: Pair) -> list[str]:
        """What slbctl is told of the agent, and of who asks."""
        files = ("--ca", self.keys.ca, "--cert", str(pair.certificate), "--key", str(pair.key))
        return ["--url", URL, *files]

    def curl(self, path: str, *words: str) -> tuple[int, int, str]:
        """Ask by curl; returns its exit status, that of HTTP, and what came."""
        shown = ("-w", "\n%{http_code}", "--max-time", "10")
        done = self.run("curl", "-sS", "--cacert", self.keys.ca, *shown, *words, f"{URL}{path}")
        body, _, status = done.stdout.rpartition("\n")
        return done.returncode, int(status or 0), body or done.stderr

    def token(self, name: str) -> tuple[str, str]:
        """The words that have curl send a token, which is not among them."""
        return "-H", f"@{self.keys.token_header(name)}"

    def reloads(self) -> int:
        """How often agent.yaml and its files were read again."""
        return self.agent.process.text().count("were read again")


@pytest.fixture(scope="module")
def secure() -> Iterator[Secure]:
    """It serves the address that the switch reaches, through slbd's own port."""
    with Rig(LbSettings(ospf=False, ipv6=False)) as rig:
        keys = Keys(rig.registry.directory / "keys", [LB])
        yield Secure(rig, Agent(rig, keys.config), keys)


def cert(pair: Pair) -> tuple[str, str, str, str]:
    """The words that have curl show a certificate."""
    return "--cert", str(pair.certificate), "--key", str(pair.key)


def test_who_may_write_configures_slbd(secure: Secure) -> None:
    """The VS is in the engine, and its clients are served."""
    rs = [word for pod in PODS for word in ("--rs", pod.http)]
    done = secure.slbctl(secure.keys.writer, "vs", "add", HTTP_VS, *rs)
    assert done.returncode == 0, done.stderr
    assert HTTP_VS in [row["vs"] for row in secure.rig.lb.items("/v1/vs")]
    assert secure.rig.client.http(40).failures == []


def test_who_may_read_is_refused_a_change(secure: Secure) -> None:
    reader = secure.keys.reader
    assert secure.slbctl(reader, "vs", "list").returncode == 0
    refused = secure.slbctl(reader, "vs", "add", OTHER_VS, "--rs", PODS[0].http)
    assert refused.returncode != 0
    assert "URI:spiffe://example.net/viewer may only read" in refused.stderr
    body = json.dumps({"vs": OTHER_VS, "rs": []})
    assert secure.curl("/v1/vs", *cert(reader), "-d", body)[1] == 403
    assert OTHER_VS not in [row["vs"] for row in secure.rig.lb.items("/v1/vs")]


def test_tokens(secure: Secure) -> None:
    """One that may write its owner's set does; one that may read does not; another is nobody's."""
    services = [{"vs": OTHER_VS, "rs": [{"rs": PODS[0].http}]}]
    state = {"owner": "controller", "epoch": 1, "generation": 1, "services": services}
    put = ("-X", "PUT", "-d", json.dumps(state))
    assert secure.curl("/v1/state", *secure.token("prometheus"), *put)[1] == 403
    assert secure.curl("/v1/state", *secure.token("controller"), *put)[1] == 200
    assert OTHER_VS in [row["vs"] for row in secure.rig.lb.items("/v1/vs")]
    wrong = ("-H", "Authorization: Bearer slb_" + "0" * 43)
    assert secure.curl("/v1/vs", *wrong)[1] == 401
    assert secure.curl("/metrics", *secure.token("prometheus"))[1] == 200


def test_certificates_that_do_not_count(secure: Secure, tmp_path: Path) -> None:
    """Of a CA that nobody trusts; of no name that is known; over; and none at all."""
    forged = Authority(tmp_path / "forged").issue("forged", OPS)
    assert secure.curl("/v1/vs", *cert(forged))[0] in NO_TLS
    over = secure.keys.clients.issue("over", OPS, -1)
    assert secure.curl("/v1/vs", *cert(over))[0] in NO_TLS
    stranger = secure.keys.clients.issue("stranger", "DNS:who.example.net")
    assert secure.curl("/v1/vs", *cert(stranger))[1] == 401
    assert secure.curl("/v1/vs")[1] == 401, "who has a token needs no certificate"
    assert secure.curl("/v1/vs", *cert(secure.keys.writer))[1] == 200


def test_tls_1_2_and_no_tls(secure: Secure) -> None:
    older = ("--tls-max", "1.2", *cert(secure.keys.writer))
    assert secure.curl("/v1/vs", *older)[0] in NO_TLS
    done = secure.run("curl", "-sS", "--max-time", "10", f"http://{LB}:{PORT}/v1/vs")
    assert done.returncode != 0 and not done.stdout


def shown(secure: Secure) -> str:
    """The serial number of the certificate that the agent shows."""
    words = ("openssl", "s_client", "-connect", f"{LB}:{PORT}", "-CAfile", secure.keys.ca)
    text = secure.run(*words).stdout
    pem = text[text.index("-----BEGIN") : text.index("-----END CERTIFICATE-----") + 26]
    words = ("openssl", "x509", "-noout", "-serial")
    return subprocess.run(words, input=pem, capture_output=True, text=True, check=True).stdout


def test_a_renewed_certificate(secure: Secure) -> None:
    """It is shown without a restart, and the one stream of events that is open goes on."""
    rig = secure.rig
    reader = secure.keys.reader
    words = ["curl", "-sSN", "--cacert", secure.keys.ca, *cert(reader), f"{URL}/v1/events?since=0"]
    stream = Process(rig.registry, secure.away, "events", words)
    rig.adopt(stream)
    wait(lambda: '"started"' in stream.text(), PATIENCE_S, "the events so far")
    before, pid, reloads = shown(secure), secure.agent.process.pid, secure.reloads()
    secure.keys.renew()
    wait(lambda: secure.reloads() > reloads, PATIENCE_S, "the new certificate is read")
    wait(lambda: shown(secure) != before, PATIENCE_S, "and shown")
    added = secure.slbctl(secure.keys.writer, "vs", "add", "10.96.0.78:80/tcp")
    assert added.returncode == 0, added.stderr
    wait(lambda: "10.96.0.78:80/tcp" in stream.text(), PATIENCE_S, "the change on the stream")
    assert (stream.status(), secure.agent.process.pid) == (None, pid)
    kinds = [json.loads(line)["kind"] for line in stream.text().splitlines() if line]
    assert kinds.count("started") == 1
    assert "missed" not in kinds
    stream.stop()


def test_without_tokens_a_certificate_must_be_shown(secure: Secure) -> None:
    """Then a connection without one does not come about; and streams are ended."""
    reader = secure.keys.reader
    words = ["curl", "-sSN", "--cacert", secure.keys.ca, *cert(reader), f"{URL}/v1/events?since=0"]
    stream = Process(secure.rig.registry, secure.away, "ended", words)
    secure.rig.adopt(stream)
    wait(lambda: '"started"' in stream.text(), PATIENCE_S, "the events so far")
    secure.keys.write([])
    wait(lambda: secure.curl("/v1/vs")[0] in NO_TLS, PATIENCE_S, "no connection without one")
    assert stream.wait(PATIENCE_S) == 0
    assert secure.curl("/v1/vs", *cert(reader))[1] == 200
    secure.keys.write(secure.keys.tokens)
    wait(lambda: secure.curl("/v1/vs")[1] == 401, PATIENCE_S, "tokens count again")


def test_secrets_are_nowhere(secure: Secure) -> None:
    """Not on a command line, in an environment, a log, or what the agent keeps; who did what is."""
    directory = secure.rig.registry.directory
    private = [
        re.sub(r"-----[^-]*-----|\s", "", file.read_text())[60:100]
        for file in (secure.keys.server.key, secure.keys.writer.key)
    ]
    secrets = [*secure.keys.tokens.values(), *private]
    for pid in (secure.agent.process.pid, secure.rig.lb.process.pid):
        for part in ("cmdline", "environ"):
            text = Path(f"/proc/{pid}/{part}").read_bytes().decode(errors="replace")
            assert not any(secret in text for secret in secrets), part
    own = {directory / "keys" / name for name in os.listdir(directory / "keys")}
    kept = [f for f in directory.rglob("*") if f.is_file() and not _within(f, own)]
    assert any(file.suffix == ".log" for file in kept)
    for file in kept:
        text = file.read_bytes().decode(errors="replace")
        assert not any(secret in text for secret in secrets), file
    lines = [
        json.loads(line) for line in secure.agent.process.text().splitlines() if line[:1] == "{"
    ]
    who = {line["who"] for line in lines if line["method"] in ("POST", "PUT")}
    assert {OPS, "token controller"} <= who
    denied = [line for line in lines if line["status"] in (401, 403)]
    assert all(line["from"].startswith(("203.0.113.", "192.0.2.")) for line in denied) and denied


def _within(file: Path, folders: set[Path]) -> bool:
    return any(folder == file or folder in file.parents for folder in folders)
