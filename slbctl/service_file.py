# SPDX-License-Identifier: BSD-3-Clause
"""The file that `slbctl apply` takes: what `slbctl export` wrote, or any slb.yaml with `services`.

It is read as slbd reads its configuration, so that what is wrong with it is told in the same words.
"""

import re
from dataclasses import dataclass
from typing import Any, BinaryIO

import yaml

from slb.config.loader import parse_as, text_of
from slb.config.tree import Tree, read_path
from slb.errors import ConfigError
from slb.model import codec
from slb.model.config import Config
from slb.model.service import Service, ServiceSet

OTHER_KEYS = frozenset(Config.__struct_fields__) - frozenset(ServiceSet.__struct_fields__)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class ServiceFile:
    """The services of a file, and where in it they stand."""

    name: str
    services: tuple[Service, ...]
    tree: Tree

    def place(self, refusal: str) -> str:
        """Put file and line before what the daemon says about one of the services."""
        path, _, _ = refusal.partition(": ")
        if not re.fullmatch(r"services(\[\d+\]|\.\w+)*", path, re.ASCII):
            return refusal
        return f"{self.name}:{self.tree.line(read_path(path))}: {refusal}"


def read(file: BinaryIO, name: str) -> ServiceFile:
    """Read a YAML or JSON text; raises ConfigError with file, line and field."""
    try:
        text = text_of(name, file)
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from None
    tree, found = parse_as(name, text, ServiceSet, OTHER_KEYS)
    return ServiceFile(name, found.services, tree)


def write(services: ServiceSet, generation: int | None = None) -> str:
    """The same as YAML, an RS a line; what a VS has of its own stands before its RS.

    `generation`: that of the desired state, for `slbctl apply --base`; a comment, as the services
    may go to a load balancer where it means nothing.
    """
    plain = {"services": [_without_defaults(service) for service in services.services]}
    text: str = yaml.dump(plain, Dumper=DUMPER, sort_keys=False, default_flow_style=None)
    return text if generation is None else f"# generation: {generation}\n{text}"


def _without_defaults(service: Service) -> dict[str, Any]:
    plain = codec.to_plain(service)
    rs = plain.pop("rs")
    usual = {"one_packet": False, "timeouts": {}, "client_address": "none", "syn_proxy": False}
    return {k: v for k, v in plain.items() if k not in usual or v != usual[k]} | {"rs": rs}
