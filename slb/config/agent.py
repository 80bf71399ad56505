# SPDX-License-Identifier: BSD-3-Clause
"""Reads agent.yaml: what slb-agent serves over TCP, and to whom."""

from collections.abc import Iterator

from slb.config.check_addresses import Finding, repeated
from slb.config.loader import checked, parse_as, read_text
from slb.config.tree import Path
from slb.model.agent_config import AgentConfig, ClientRule, TokenRule

DEFAULT = "/etc/slb/agent.yaml"


def load(path: str) -> AgentConfig:
    """Read and check the file at `path`; raises ConfigError, a line for each mistake."""
    tree, config = parse_as(path, read_text(path), AgentConfig)
    checked(path, tree, _find(config))
    return config


def _find(config: AgentConfig) -> Iterator[Finding]:
    yield from repeated(_each("listen", config.listen), "the address")
    for i, endpoint in enumerate(config.listen):
        if endpoint.address.is_unspecified and not config.any_address:
            text = f"{endpoint.address} is every address of the host; name those that are meant"
            yield ("listen", i), f"{text}, or say any_address: true"
    if config.listen and config.tls is None:
        yield ("listen",), "there is no TLS without a certificate and a key; add `tls:`"
    if config.listen and not config.clients and not config.tokens:
        yield ("listen",), "nobody may use it; add `clients:` or `tokens:`"
    if config.clients and (config.tls is None or config.tls.client_ca is None):
        yield ("clients",), "no certificate is trusted without a CA; add tls.client_ca"
    yield from repeated(
        ((("clients", i, "identity"), rule.identity) for i, rule in enumerate(config.clients)),
        "the identity",
    )
    tokens = list(enumerate(config.tokens))
    yield from repeated(((("tokens", i, "name"), rule.name) for i, rule in tokens), "the name")
    yield from repeated(((("tokens", i, "hash"), rule.hash) for i, rule in tokens), "the hash")
    for i, client in enumerate(config.clients):
        yield from _rights(client, ("clients", i))
    for i, token in tokens:
        yield from _rights(token, ("tokens", i))


def _rights(rule: ClientRule | TokenRule, path: Path) -> Iterator[Finding]:
    if rule.role == "write" and not rule.owners:
        yield (*path, "role"), "who may write needs owners; write owners: [operator] or another"
    if rule.role == "read" and rule.owners:
        yield (*path, "owners"), "who may only read has no owners; write role: write, or none"
    yield from repeated(_each("owners", rule.owners, path), "the owner")


def _each(name: str, values: tuple[object, ...], path: Path = ()) -> Iterator[tuple[Path, str]]:
    return (((*path, name, i), str(value)) for i, value in enumerate(values))
