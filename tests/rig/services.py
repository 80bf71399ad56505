# SPDX-License-Identifier: BSD-3-Clause
"""Services as slb.yaml and the API write them, and how evenly a scheduler must share them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rig.addresses import DNS_VS, ECHO_VS, HTTP_VS, PODS
from rig.load import Outcome

Weights = Mapping[str, int]
EQUAL: Weights = {pod.name: 1 for pod in PODS}


def service(vs: str, real_servers: Mapping[str, int], scheduler: str = "rr") -> dict[str, Any]:
    """One service: its VS and the weight of each RS."""
    rows = [{"rs": rs, "weight": weight} for rs, weight in real_servers.items()]
    return {"vs": vs, "scheduler": scheduler, "rs": rows}


def http_service(weights: Weights = EQUAL, scheduler: str = "rr") -> dict[str, Any]:
    """The HTTP servers of the pods named in `weights`."""
    rows = {pod.http: weights[pod.name] for pod in PODS if pod.name in weights}
    return service(HTTP_VS, rows, scheduler)


def dns_service(weights: Weights = EQUAL, scheduler: str = "rr") -> dict[str, Any]:
    """The DNS responders of the pods named in `weights`."""
    rows = {pod.dns: weights[pod.name] for pod in PODS if pod.name in weights}
    return service(DNS_VS, rows, scheduler)


def echo_service(weights: Weights = EQUAL, scheduler: str = "rr") -> dict[str, Any]:
    """The UDP echo services of the pods named in `weights`."""
    rows = {pod.echo: weights[pod.name] for pod in PODS if pod.name in weights}
    return service(ECHO_VS, rows, scheduler)


def all_services() -> list[dict[str, Any]]:
    """HTTP, DNS and echo on every pod, in turn."""
    return [http_service(), dns_service(), echo_service()]


def unfair(outcome: Outcome, weights: Weights, workers: int) -> Sequence[str]:
    """Pods with more or less than their share, in words.

    Every worker schedules for itself and in cycles, and may be within one when the load ends: a pod
    may miss or exceed its share by its weight, once a worker.
    """
    total, found = sum(weights.values()), []
    for name in sorted(outcome.answers | weights.keys()):
        weight, count = weights.get(name, 0), outcome.answers[name]
        share = outcome.answered * weight / total
        if abs(count - share) > weight * workers:
            found.append(f"{name} answered {count}, its share is {share:.0f}±{weight * workers}")
    return found
