# SPDX-License-Identifier: BSD-3-Clause
"""Where slbd and its BIRD are to be found, by an slb.yaml that may be wrong."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from slb.config.defaults import bird_directory
from slb.model.config import Api, Config, Ospf


@dataclass(frozen=True)
class Places:
    """The sockets of slbd and of the BIRD, and the file that slbd has that one read.

    `bird`: "" where there is none, as slbd speaks no OSPF.
    """

    slbd: str
    bird: str
    bird_conf: str


def places(text: str) -> Places:
    """Those of an slb.yaml; the usual one where it says nothing that could be one."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        tree = None
    slbd = _path(tree, "api", "socket", Api().socket)
    mode = _said(tree, "ospf", "mode")
    if mode == "system":
        bird = _path(tree, "ospf", "control_socket", Ospf().control_socket)
        # Its other files are not ours to send.
        return Places(slbd, bird, _path(tree, "ospf", "include_file", Ospf().include_file))
    folder = bird_directory(Config(ports=(), api=Api(socket=slbd)))
    # In YAML `off` is a word for false. One that was not restarted since may have its BIRD yet; of
    # a path that cannot be os.path, unlike pathlib, raises nothing.
    off = isinstance(tree, dict) and mode in (None, False, "off")
    if off and not os.path.exists(folder / "bird.ctl"):
        return Places(slbd, "", "")
    return Places(slbd, str(folder / "bird.ctl"), str(folder / "bird.conf"))


def _path(tree: Any, section: str, key: str, usual: str) -> str:
    value = _said(tree, section, key)
    # It becomes a word of a command.
    fits = isinstance(value, str) and value.startswith("/") and value.isprintable()
    return value if fits and Path(value).name else usual


def _said(tree: Any, section: str, key: str) -> Any:
    found = tree.get(section) if isinstance(tree, dict) else None
    return found.get(key) if isinstance(found, dict) else None
