# SPDX-License-Identifier: BSD-3-Clause
"""A real Prometheus with our configuration, rules and dashboard, and real trouble.

client ==> switch ==> lb: slbd ==> pods
                       ^   ^
         Prometheus ---+   +--- slb-agent <--TLS 1.3, token--- Prometheus
"""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from unit.test_metrics_configs import RULES, queries, rules, selectors

from rig.addresses import HTTP_VS, PODS
from rig.agent import Agent
from rig.keys import PORT, Keys
from rig.lb import LbSettings
from rig.netns import command
from rig.prometheus import Prometheus, shipped
from rig.rig import Rig
from rig.services import http_service
from rig.waiting import wait

pytestmark = pytest.mark.netns

HOST, METRICS_PORT = "127.0.0.1", 9345
PATIENCE_S = 30
CHECK = {"type": "tcp", "interval_s": 0.2, "timeout_s": 0.2, "fall": 2}
# Of bonds; and of a link whose other end is in another namespace.
NOT_HERE = {"slb_port_member_state", "slb_port_member_link_up", "slb_port_link_up"}


@dataclass
class Watched:
    """A rig with everything that is scraped."""

    rig: Rig
    agent: Agent
    keys: Keys
    prometheus: Prometheus

    def text(self, url: str, *words: str) -> str:
        """What a scrape gets."""
        return self.rig.lb.namespace.run("curl", "-sS", "--fail", *words, url)


def configuration(rig: Rig, keys: Keys) -> dict[str, Any]:
    """What we ship, with this host's addresses and files, and less patience."""
    config = shipped(RULES.parent)
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    slbd, agent = config["scrape_configs"]
    slbd["static_configs"] = [{"targets": [f"{HOST}:{METRICS_PORT}"]}]
    agent["static_configs"] = [{"targets": [f"{HOST}:{PORT}"]}]
    agent["authorization"]["credentials_file"] = str(keys.token_files["prometheus"])
    agent["tls_config"]["ca_file"] = keys.ca
    tests_own = yaml.safe_load(RULES.read_text())
    for group in tests_own["groups"]:
        for rule in group["rules"]:
            rule["for"] = "2s"
    own = rig.registry.directory / "rules.yaml"
    own.write_text(yaml.safe_dump(tests_own))
    config["rule_files"] = [str(own)]
    # slbd once more, as slb-agent passes it on: to who has a certificate.
    by_tls = agent | {"job_name": "by-tls", "metrics_path": "/metrics"}
    del by_tls["authorization"]
    files = {"cert_file": str(keys.reader.certificate), "key_file": str(keys.reader.key)}
    by_tls["tls_config"] = agent["tls_config"] | files
    config["scrape_configs"].append(by_tls)
    return config


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """A rig with OSPF, an agent over TLS that checks the pods, and Prometheus."""
    policies = {"metrics": {"address": f"{HOST}:{METRICS_PORT}"}}
    with Rig(LbSettings(policies=policies)) as rig:
        keys = Keys(rig.registry.directory / "keys", [HOST])
        agent = Agent(rig, keys.config)
        services = rig.registry.directory / "services.yaml"
        services.write_text(yaml.safe_dump({"services": [http_service() | {"health": CHECK}]}))
        rig.lb.ctl("--socket", str(agent.socket), "apply", str(services))
        prometheus = Prometheus(rig, configuration(rig, keys))
        rig.wait_ospf()
        made = Watched(rig, agent, keys, prometheus)
        up = {"slbd": "up", "slb-agent": "up", "by-tls": "up"}
        wait(lambda: prometheus.targets() == up, PATIENCE_S, "every target up")
        yield made


def fires(watched: Watched, name: str) -> dict[str, str]:
    """Wait until an alert fires, which it may only after it was pending; returns its labels."""
    prometheus = watched.prometheus
    wait(lambda: (name, "firing") in prometheus.alerts(), PATIENCE_S, f"{name} fires")
    was = f'max_over_time(ALERTS{{alertname="{name}",alertstate="pending"}}[5m])'
    assert prometheus.query(was), "it has waited"
    return prometheus.alerts()[name, "firing"]


def ends(watched: Watched, name: str) -> None:
    """Wait until an alert is over."""

    def over() -> bool:
        return all(alert != name for alert, _ in watched.prometheus.alerts())

    wait(over, PATIENCE_S, f"{name} is over")


def test_promtool_is_content(watched: Watched) -> None:
    """With the configuration as it runs, its files, and with what is exposed."""
    command("promtool", "check", "config", str(watched.prometheus.file))
    lb = watched.rig.lb.namespace
    tls = ("--cacert", watched.keys.ca, "-H", f"@{watched.keys.token_header('prometheus')}")
    of_slbd = f"http://{HOST}:{METRICS_PORT}/metrics"
    of_agent = f"https://{HOST}:{PORT}/metrics/agent"
    for text in (watched.text(of_slbd), watched.text(of_agent, *tls)):
        file = watched.rig.registry.directory / "exposition.txt"
        file.write_text(text)
        told = lb.run("sh", "-c", f"promtool check metrics < {file} 2>&1")
        assert told == ""


def test_every_expression_has_an_answer(watched: Watched) -> None:
    """Rules and dashboard: none is refused, and what each selects is there."""
    prometheus = watched.prometheus
    expressions = [rule["expr"] for rule in rules()]
    expressions += [text.replace('=~"instance"', '=~".*"') for text in queries()]
    missing = set()
    for text in expressions:
        text = text.replace('=~"vs"', '=~".*"')
        prometheus.query(text)
        for selector in selectors(text):
            wanted = {m.name: m.value for m in selector.matchers.matchers}
            if selector.name not in NOT_HERE and not prometheus.query(said(str(selector))):
                missing.add((selector.name, *wanted.items()))
    assert missing == set()


def said(selector: str) -> str:
    """A selector without its offset, which reaches back to before the test."""
    return re.sub(r" offset \S+", "", selector)


def test_an_rs_that_is_down(watched: Watched) -> None:
    """Alerts for it and for no other, and is over when it is back."""
    pod = PODS[0]
    watched.rig.pods[pod.name].send(signal.SIGKILL)
    watched.rig.pods[pod.name].wait(5)
    labels = fires(watched, "SlbRsDown")
    assert (labels["rs"], labels["vs"], labels["instance"]) == (pod.http, HTTP_VS, HOST)
    down = watched.prometheus.query("slb_agent_rs_up == 0")
    assert [row["metric"]["rs"] for row in down] == [pod.http]
    out = f'slb_agent_vs_rs_effect{{vs="{HTTP_VS}",effect="out"}}'
    assert [row["value"][1] for row in watched.prometheus.query(out)] == ["1"]
    watched.rig.restart_pod(pod)
    ends(watched, "SlbRsDown")


def test_an_adjacency_that_is_lost(watched: Watched) -> None:
    """The switch's BIRD stands still: no neighbour is Full any more, by either OSPF."""
    watched.rig.switch.process.send(signal.SIGSTOP)
    try:
        assert fires(watched, "SlbNoAdjacency")["protocol"] in ("OSPFv2", "OSPFv3")
    finally:
        watched.rig.switch.process.send(signal.SIGCONT)
    ends(watched, "SlbNoAdjacency")


def test_an_agent_that_is_away(watched: Watched) -> None:
    """slbd's figures go on without it."""
    watched.agent.kill()
    assert fires(watched, "SlbAgentAway")["job"] == "slb-agent"
    assert watched.prometheus.query('up{job="slbd"} == 1')
    watched.agent.start()
    ends(watched, "SlbAgentAway")
