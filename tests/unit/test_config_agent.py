# SPDX-License-Identifier: BSD-3-Clause
"""agent.yaml: what is good, and the line of what is not."""

import hmac
from pathlib import Path

import pytest

from slb.api.tokens import find, hashed, new_token
from slb.config.agent import load
from slb.errors import ConfigError
from slb.model.agent_config import TokenRule

TOP = Path(__file__).parents[2]
HASH = hashed(new_token())
GOOD = f"""\
listen: [127.0.0.1:8443]
tls: {{certificate: /c.pem, key: /c.key, client_ca: /ca.pem}}
clients:
  - identity: "DNS:a.example"
tokens:
  - name: t
    hash: {HASH}
"""


def problems(path: Path, text: str) -> list[str]:
    """Every line about a text, without the file's name."""
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(str(path))
    return [line.removeprefix(f"{path}:") for line in refused.value.problems]


def test_the_shipped_one_is_good() -> None:
    config = load(str(TOP / "configs/agent.yaml"))
    assert [str(endpoint) for endpoint in config.listen] == ["192.0.2.2:8443"]
    assert config.clients[0].owners == ("operator",)
    assert not config.any_address


def test_an_empty_one_serves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("{}\n")
    assert load(str(path)).listen == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("127.0.0.1:8443", "0.0.0.0:8443", "1: listen[0]: 0.0.0.0 is every address of the host"),
        ("127.0.0.1:8443", '"[::]:8443"', "1: listen[0]: :: is every address of the host"),
        ("127.0.0.1:8443", "localhost:8443", "1: listen[0]: 'localhost' is not an address"),
        (", client_ca: /ca.pem", "", "3: clients: no certificate is trusted without a CA"),
        ("key: /c.key", "key: c.key", "2: tls.key: 'c.key' is not valid; write an absolute path"),
        ("DNS:a.example", "a.example", "4: clients[0].identity: 'a.example' is not valid; write"),
        (HASH, "slb_x", "7: tokens[0].hash: 'slb_x' is not valid; write the hash that 'slbctl"),
        (HASH, f"{HASH}\n    role: write", "8: tokens[0].role: who may write needs owners"),
        (HASH, f"{HASH}\n    owners: [a]", "8: tokens[0].owners: who may only read has no owners"),
        (HASH, f"{HASH}\n  - name: t\n    hash: {HASH}", "8: tokens[1].name: the name t is used"),
        ("listen:", "listens:", "1: listens: no such key; did you mean `listen`?"),
    ],
)
def test_what_is_wrong(tmp_path: Path, old: str, new: str, expected: str) -> None:
    found = problems(tmp_path / "agent.yaml", GOOD.replace(old, new, 1))
    assert found[0].startswith(expected), found


def test_tcp_without_tls_or_anybody(tmp_path: Path) -> None:
    found = problems(tmp_path / "agent.yaml", "listen: [127.0.0.1:8443]\n")
    assert found == [
        "1: listen: there is no TLS without a certificate and a key; add `tls:`",
        "1: listen: nobody may use it; add `clients:` or `tokens:`",
    ]


def test_a_token_and_its_hash() -> None:
    token = new_token()
    rules = [TokenRule("a", hashed(new_token())), TokenRule("b", hashed(token))]
    assert find(rules, token) == rules[1]
    assert find(rules, new_token()) is None
    assert find(rules, token.removeprefix("slb_")) is None
    assert hashed(token) != hashed(token), "each hash has a salt of its own"
    assert token not in hashed(token)


def test_a_token_is_compared_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time says neither which it is nor how much of it is right."""
    tokens = [new_token() for _ in range(4)]
    rules = [TokenRule(f"t{n}", hashed(token)) for n, token in enumerate(tokens)]
    compared = []
    real = hmac.compare_digest

    def counted(one: str, other: str) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr("slb.api.tokens.hmac.compare_digest", counted)
    for token in (tokens[0], tokens[3], new_token()):
        compared.clear()
        found = find(rules, token)
        assert compared == [rule.hash for rule in rules]
        assert (found.name if found else None) == {tokens[0]: "t0", tokens[3]: "t3"}.get(token)
