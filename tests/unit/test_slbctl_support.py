# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl support-bundle`: what is in it, what is not, and what becomes of parts that fail."""

import json
import os
import re
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from unit.fake_daemon import FakeDaemon
from unit.running_agent import RunningAgent
from unit.slbctl_run import failure, slbctl

from ospf.model import FAMILIES
from slb.api.client import Client
from slb.errors import HostError, NotFound
from slbctl import bundle as bundle_module
from slbctl import secrets_out
from slbctl.bundle import Runner, new_file, pack
from slbctl.bundle_parts import BIRD, HOST, VERBS, Part, metrics, parts
from slbctl.bundle_places import Places, places
from slbctl.options import Target
from slbctl.root import cli
from slbctl.secrets_out import REMOVED

VS = "10.96.0.10:80/tcp"
CHANGING = {
    *("vs add", "vs del", "vs edit", "rs add", "rs del", "rs edit", "rs drain", "session reset"),
    *("workers set", "laddr add", "laddr del", "ospf restart", "apply", "confirm", "rollback"),
    *("nic bind", "nic unbind", "token new", "owner del", "support-bundle"),
}
# The first two in vs.txt and rs.txt.
TOLD_ELSEWHERE = {"vs show", "vs stats", "completion"}
ROOT = Path(__file__).parents[2]
SECRETS = {
    "hunter2 and more": "password: hunter2 and more",
    "s3cr3t-ospf": "authentication: {type: md5, keys: [{id: 1, key: s3cr3t-ospf}]}",
    "quoted: one": 'token: "quoted: one"',
    "0123456789abcdef": "token_hash: 0123456789abcdef",
    "line one\\nline two": 'secret: "line one\\nline two"',
    "anna": "url: http://anna:pass-in-url@h/",
    "pass-in-url": "check: {url: 'http://u:pass-in-url@h/'}",
    "dG9rZW46dG9rZW4=": "headers: {Authorization: 'Basic dG9rZW46dG9rZW4='}",
}
HASH = f"sha256:{'5a' * 16}:{'c3' * 32}"
AGENT_KEY = "/etc/slb/tls/the-agents.key"
OSPF_KEY = "0spf; as BIRD has it"
AGENT = f"""# password: in-a-comment
tls: {{certificate: /etc/slb/tls/agent.pem, key: {AGENT_KEY}}}
tokens: [{{name: scraper, hash: '{HASH}', role: read, owners: [operator]}}]
limits: {{burst: 77}}
"""
BIRD_CONF = f"""# by slbd
authentication cryptographic; password "{OSPF_KEY}" {{ id 1; algorithm hmac sha256; }};
"""
JOURNAL = f"""#!/bin/sh
echo "bird: password \\"s3cr3t-ospf\\" wrong"
echo "agent: Authorization: Bearer eyJhbGciOi.abc"
echo "agent: API_TOKEN=tok-in-environment"
echo "agent: refused {HASH} of {AGENT_KEY}"
echo "bird: what is {OSPF_KEY}?"
echo "who knows: hunter2 and more; line two"
echo "an ordinary line, already read by the operator"
"""
# As the real one: options first, and then what it is asked.
BIRDC = """#!/bin/sh
[ "$1 $2" = "-r -s" ] || exit 1
echo "BIRD 2.0.12 ready."
echo "of $3: $4 $5 $6 $7"
[ "$7" != slb_ospf6 ]
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle's files by their names in its folder, and the modes that they have there."""

    files: dict[str, str]
    modes: set[int]


def where(folder: Path) -> str:
    """What slb.yaml says of slbd's socket and of the host's BIRD, all of them in the folder."""
    bird = f"mode: system, control_socket: {folder}/bird.ctl, include_file: {folder}/slb.conf"
    return f"api: {{socket: {folder}/slbd.sock}}\nospf: {{{bird}}}\n"


def unpacked(path: Path) -> Bundle:
    files, modes = {}, set()
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            files[member.name.partition("/")[2]] = file.read().decode()
            modes.add(member.mode)
    return Bundle(files, modes)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """One of a daemon, with secrets in its configuration and in the log."""
    folder = tmp_path_factory.mktemp("bundle")
    config, agent, path = folder / "slb.yaml", folder / "agent.yaml", folder / "out.tar.gz"
    lines = ["# password: in-a-comment", *set(SECRETS.values()), "n: 5", where(folder)]
    config.write_text("\n".join(lines))
    agent.write_text(AGENT)
    (folder / "slb.conf").write_text(BIRD_CONF)
    (folder / "bin").mkdir()
    for name, text in (("journalctl", JOURNAL), ("systemctl", JOURNAL), ("birdc", BIRDC)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    with FakeDaemon(folder / "slbd.sock") as daemon, pytest.MonkeyPatch.context() as patch:
        daemon.add(VS, r1=1)
        patch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        before = os.umask(0)
        try:
            files = (str(path), "-c", str(config), "--agent-config", str(agent))
            result = slbctl(daemon.socket, "support-bundle", *files)
        finally:
            os.umask(before)
    assert (result.status, result.err) == (0, "")
    assert re.fullmatch(rf"{path}: \d+ parts(, \d+ of them failed, as parts.txt in it says)?\n",
                        result.out)  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return unpacked(path)


def test_what_is_in_it(bundle: Bundle) -> None:
    wanted = {f"slbctl/{name}" for name in VERBS} | set(HOST) | set(BIRD)
    assert set(bundle.files) == wanted | {
        "slb.yaml", "agent.yaml", "parts.txt", "config-check.txt", "slbctl/doctor.txt",
        "slbctl/metrics.txt", "slbctl/metrics-agent.txt", "bird/bird.conf",
    }  # fmt: skip
    assert [row.split()[0] for row in bundle.files["parts.txt"].splitlines()] == [
        name for name in bundle.files if name != "parts.txt"
    ]
    assert VS in bundle.files["slbctl/vs.txt"]
    assert json.loads(bundle.files["slbctl/status.json"])["facts"]["services"]["vs"] == 1
    assert json.loads(bundle.files["slbctl/ports.json"])["items"][0]["name"] == "lan0"
    assert "MemTotal" in bundle.files["host/memory.txt"]
    assert "an ordinary line" in bundle.files["logs/slbd.txt"]
    assert "hugepages" in bundle.files["slbctl/doctor.txt"]
    assert "\nslb_vs_packets_total{" in bundle.files["slbctl/metrics.txt"]
    assert "/bird.ctl: show protocols all \n" in bundle.files["bird/protocols.txt"]
    assert "/bird.ctl: show ospf neighbors slb_ospf\n" in bundle.files["bird/neighbours.txt"]
    assert "\n# by slbd\n" in bundle.files["bird/bird.conf"]
    assert bundle.modes == {0o600}


def test_every_reading_verb_is_in_it() -> None:
    """What is added to slbctl is in the bundle as well, or stands here with the reason."""
    packed = [*VERBS.values(), ("doctor",)]
    groups = {name for name, one in cli.commands.items() if isinstance(one, click.Group)}
    ours = {" ".join(words[: 2 if words[0] in groups else 1]) for words in packed}
    every = set(cli.commands) - groups
    every |= {f"{name} {verb}" for name in groups for verb in cli.commands[name].commands}  # type: ignore[attr-defined]
    assert every - ours == CHANGING | TOLD_ELSEWHERE | {"session list"}, "sessions are counted"
    assert ours <= every


@pytest.mark.parametrize("words", ["support-bundle {}", "doctor", "nic list", "nic bind no0"])
def test_of_another_host(tmp_path: Path, words: str) -> None:
    """Its facts of the host would be of this one; and this one's NIC would be taken."""
    path = tmp_path / "x.tar.gz"
    url = ("--url", "https://192.0.2.1:8443")
    line = failure(slbctl(None, *url, *words.format(path).split()), 2)
    assert "it is of this host; run it on the other one, without --url" in line
    assert not path.exists()


def test_a_configuration_that_is_wrong(bundle: Bundle) -> None:
    """The exit status of the check counts, too."""
    (line,) = (row for row in bundle.files["parts.txt"].splitlines() if "config-check" in row)
    assert "exit status 2" in line


def test_no_secret_is_in_it(bundle: Bundle) -> None:
    whole = "\n".join(bundle.files.values())
    lines = [line for secret in SECRETS if secret != "anna" for line in secret.split("\\n")]
    assert [secret for secret in lines if secret in whole] == []
    for other in ("in-a-comment", "eyJhbGciOi", "tok-in-environment", HASH, AGENT_KEY, OSPF_KEY):
        assert other not in whole
    assert yaml.safe_load(bundle.files["slb.yaml"])["n"] == 5
    assert f'password "{REMOVED}" {{ id 1; ' in bundle.files["bird/bird.conf"]


def test_what_stays_of_agent_yaml(bundle: Bundle) -> None:
    """All but the secrets; and what a token has besides is none, wherever it stands."""
    left = yaml.safe_load(bundle.files["agent.yaml"])
    token = {"name": "scraper", "hash": REMOVED, "role": "read", "owners": ["operator"]}
    assert left["tokens"] == [token] and left["limits"] == {"burst": 77}
    assert left["tls"] == {"certificate": "/etc/slb/tls/agent.pem", "key": REMOVED}
    assert "already read by the operator" in bundle.files["logs/slbd.txt"]


def test_parts_that_fail_leave_their_error(bundle: Bundle) -> None:
    """slbd alone has no history; the file of secrets is no configuration."""
    assert "slb-agent answers it" in bundle.files["slbctl/history.txt"]
    assert bundle.files["slbctl/history.txt"].endswith("\n# exit status 1\n")
    assert "known here" in bundle.files["config-check.txt"]
    assert "slbctl/history.txt" in bundle.files["parts.txt"]
    (line,) = (x for x in bundle.files["parts.txt"].splitlines() if x.startswith("slbctl/history"))
    assert "exit status 1" in line
    assert "no slb-agent at /run/slb-agent/" in bundle.files["slbctl/metrics-agent.txt"]
    assert bundle.files["bird/neighbours6.txt"].endswith(" slb_ospf6\n\n# exit status 1\n")
    (line,) = (x for x in bundle.files["parts.txt"].splitlines() if x.startswith("slbctl/metrics-"))
    assert "exit status 3" in line


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    """Nor is a daemon; the bundle is made of what there is."""
    path, none = tmp_path / "x.tar.gz", str(tmp_path / "none")
    with path.open("wb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_module, "parts", lambda *_: [])
        pack(file, "x", Target(none, 1), none, none, 1)
    files = unpacked(path).files
    said = f"{none} cannot be read: No such file or directory"
    assert files["agent.yaml"] == f"# cat {none}\n\n# {said}\n"
    assert f"agent.yaml  0.0 s  {said}  cat {none}\n" in files["parts.txt"]


def test_metrics_of_both(tmp_path: Path) -> None:
    """Each from its own socket, whichever slbctl would ask."""
    with FakeDaemon(tmp_path / "slbd.sock") as daemon:
        with RunningAgent(tmp_path, daemon.socket) as agent:
            wanted = metrics(Target(str(agent.socket), 20), str(daemon.socket))
            slbd, agents = (Runner(20).run(part) for part in wanted)
        with pytest.raises(NotFound):
            Client(str(daemon.socket), 20).scrape("/metrics/agent")
    assert [slbd.failed, agents.failed] == ["", ""]
    assert "GET /metrics" in daemon.requests and "\nslb_build_info{" in slbd.text
    assert "\nslb_agent_" in agents.text and "\nslb_build_info" not in agents.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("/run/slb/slbd.sock", "/run/slb/slbd.bird/bird.ctl", "/run/slb/slbd.bird/bird.conf")),
        (
            "api: {socket: /a/b.sock}\nospf: {mode: managed}",
            ("/a/b.sock", "/a/b.bird/bird.ctl", "/a/b.bird/bird.conf"),
        ),
        ("api: {socket: /a/b.sock}", ("/a/b.sock", "", "")),
        ("ospf: {mode: off}", ("/run/slb/slbd.sock", "", "")),
        ("ospf: {mode: 'off'}", ("/run/slb/slbd.sock", "", "")),
        (
            "ospf: {mode: system}",
            ("/run/slb/slbd.sock", "/run/bird/bird.ctl", "/etc/bird/slb.conf"),
        ),
        (where(Path("/x")), ("/x/slbd.sock", "/x/bird.ctl", "/x/slb.conf")),
    ],
)
def test_where_bird_is(text: str, found: tuple[str, str, str]) -> None:
    assert places(text) == Places(*found)


def test_a_socket_in_a_folder_that_cannot_be() -> None:
    """Nothing is raised where it is looked whether there is a BIRD."""
    path = f"/{'a' * 300}/s.sock"
    assert places(f"api: {{socket: {path}}}") == Places(path, "", "")


def test_without_ospf_no_bird_is_asked() -> None:
    made = parts(Target("/x", 1.0), "/etc/slb/slb.yaml", places("ospf: {mode: off}"))
    assert not [part.name for part in made if part.name.startswith("bird/")]


def test_the_names_of_ospf() -> None:
    """BIRD wants them where it has more than one."""
    asked = [words[-1] for words in BIRD.values() if "neighbors" in words]
    assert asked == [family.ospf for family in FAMILIES]


@pytest.mark.parametrize(
    "text",
    ["[", "[" * 5000, "5", "api: 5", "api: {socket: 5}", "api: {socket: x}", "api: {socket: /}",
     'api: {socket: "/a\\0b"}', "ospf: {mode: [system]}"],
)  # fmt: skip
def test_where_bird_is_of_a_configuration_that_is_wrong(text: str) -> None:
    usual = places("")
    # As far as it can be understood it has no OSPF.
    assert places(text) in (usual, Places(usual.slbd, "", ""))


def test_a_part_that_takes_too_long() -> None:
    """Its children too, which hold the pipe."""
    made = Runner(0.2).run(Part("x", ("sh", "-c", "echo begun; sleep 60 & wait")))
    assert (made.text, made.failed) == ("begun\n", "not done within 0.2 s")


def test_a_program_that_is_not_there() -> None:
    made = Runner(5).run(Part("x", ("/no/such/program",)))
    assert made.failed == "cannot be run: No such file or directory"


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "there.tar.gz"
    path.write_text("precious")
    said = failure(slbctl("/nowhere", "support-bundle", str(path)), 1)
    assert said == f"{path} exists; add --force to replace it, or give another name"
    assert path.read_text() == "precious"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    failure(slbctl("/nowhere", "support-bundle", str(path)), 1)
    assert not (tmp_path / "elsewhere").exists()


def test_force_replaces_it_when_all_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "there.tar.gz"
    path.write_text("precious")
    path.chmod(0o644)
    with pytest.raises(KeyboardInterrupt), new_file(path, True) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [path.read_text(), *os.listdir(tmp_path)] == ["precious", path.name]
    with new_file(path, True) as file:
        file.write(b"whole")
    assert [path.read_text(), *os.listdir(tmp_path)] == ["whole", path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_half_done_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "new", False):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []
    with pytest.raises(HostError, match="cannot be written: No such file"):
        new_file(tmp_path / "none/x", False).__enter__()


def test_our_own_configuration_keeps_all_it_says() -> None:
    """No key of it is taken for a secret by mistake."""
    for path in [ROOT / "configs/slb.yaml", *(ROOT / "configs/examples").iterdir()]:
        cleaned = secrets_out.config(path.read_text())
        assert yaml.safe_load(cleaned.text) == yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [unclosed\npassword: hunter2", "# no YAML, line 2; left out\n"),
        ("{" * 5000, "left out\n"),
        ("", "null\n...\n"),
    ],
)
def test_a_configuration_that_is_none(text: str, said: str) -> None:
    found = secrets_out.config(text).text
    assert found.endswith(said) and "hunter2" not in found


def test_aliases_cannot_make_it_large() -> None:
    layers = ["a0: &a0 [x, x]"]
    layers += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert len(secrets_out.config("\n".join([*layers, "password: *a59"])).text) < 5000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('password "x y";', f'password "{REMOVED}";'),
        ("DB_PASSWORD=x y", f"DB_PASSWORD={REMOVED}"),
        ('{"api_key": "x", "n": 5}', f'{{"api_key": "{REMOVED}", "n": 5}}'),
        ('"token": "a\\"b", "n": 5', f'"token": "{REMOVED}", "n": 5'),
        ("passphrase: 'x' # y", f"passphrase: '{REMOVED}' # y"),
        ("https://me:x@host/", f"https://me:{REMOVED}@host/"),
        ("Authorization: Digest x", f"Authorization: {REMOVED}"),
        ("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\nb", f"{REMOVED}\nb"),
        ("-----BEGIN PRIVATE KEY-----\nx\n", REMOVED),
        ("vs 10.96.0.10:80/tcp, SYN_COOKIE 5", "vs 10.96.0.10:80/tcp, SYN_COOKIE 5"),
    ],
)
def test_what_looks_like_a_secret(text: str, left: str) -> None:
    assert secrets_out.clean(text, frozenset()) == left


@pytest.mark.parametrize("text", ['x "q\\u00fc\\"uote" y', 'x qü"uote y', "x 'q\\xfc\"uote' y"])
def test_a_known_secret_is_found_however_it_is_written(text: str) -> None:
    assert "uote" not in secrets_out.clean(text, frozenset({'qü"uote'}))


@pytest.mark.parametrize("word", ["a", "password", "://", "basic ", "-----BEGIN PRIVATE KEY-----"])
def test_no_line_takes_long(word: str) -> None:
    """Under the time limit of the test, where a search by trying takes hours."""
    secrets_out.clean(word * (1_000_000 // len(word)), frozenset())
