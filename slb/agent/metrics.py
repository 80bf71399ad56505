# SPDX-License-Identifier: BSD-3-Clause
"""`GET /metrics/agent`: what slb-agent tells Prometheus of itself, and of the RS it checks.

`GET /metrics` is slbd's, passed on, so a Prometheus that comes by TLS finds both here.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain

from aiohttp import web
from prometheus_client.metrics_core import Metric

from slb import __version__
from slb.agent import metrics_health
from slb.agent.desired import Desired
from slb.agent.health import Health
from slb.agent.record import RELOADS, RESULTS, Record
from slb.agent.secure import Secure
from slb.api import request as read
from slb.api.described import ROUTES, Described
from slb.metrics.family import Row, counter, gauge, single, states
from slb.metrics.text import CONTENT_TYPE, Scrape, written
from slb.model.agent_config import Metrics
from slb.model.desired import StatusView

PATH = "/metrics/agent"
WORDS = ("applied", "incomplete", "refused", "unknown", "unreachable")
OWNER, RESULT = ("owner",), ("result",)


class AgentMetrics:
    """Reads and writes down all figures."""

    def __init__(
        self, desired: Desired, health: Health, record: Record, secure: Secure | None
    ) -> None:
        self._desired = desired
        self._health = health
        self._record = record
        self._secure = secure
        self._scrape = Scrape()

    def add_route(self, app: web.Application) -> None:
        """Have an application answer it."""

        async def handle(request: web.Request) -> web.Response:
            read.known(request, frozenset())
            body = await self._scrape.text(self.text)
            return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

        app.router.add_get(PATH, handle)
        told = Described(
            "agent_metrics", "What slb-agent tells Prometheus", str, content=CONTENT_TYPE
        )
        app[ROUTES]["GET", PATH] = told

    async def text(self) -> bytes:
        """Return all figures as they are now."""
        status, readers = self._desired.status(), self._desired.events.readers
        return await asyncio.to_thread(self._write, status, readers)

    def _write(self, status: StatusView, readers: int) -> bytes:
        return written(chain(self._of_agent(status, readers), self._of_health()))

    def _of_agent(self, status: StatusView, readers: int) -> Iterator[Metric]:
        record = self._record
        yield gauge("slb_agent_build_info", "What runs; always 1.", ("version",), _one(__version__))
        text = "When slb-agent started, in seconds since 1970."
        yield single("slb_agent_start_time_seconds", text, record.started)
        yield from _standing(status)
        yield from _owners(status)
        text = "Requests to change something, and others that were denied, by what came of them."
        yield counter("slb_agent_changes", text, RESULT, _each(RESULTS, record.changes))
        text = "When a request to change something last came to that, in seconds since 1970."
        rows = _each(RESULTS, record.last_change)
        yield gauge("slb_agent_last_change_time_seconds", text, RESULT, rows)
        yield single("slb_agent_event_readers", "Who follows events.", readers)
        if self._secure is not None:
            yield from _secure(self._secure, record)

    def _of_health(self) -> Iterator[Metric]:
        known = self._desired.known
        rows = self._health.view() if known else []
        services = self._desired.state.services() if known else ()
        limit = (self._secure.config.metrics if self._secure else Metrics()).rs_max
        yield from metrics_health.families(rows, services, self._health.measured(), limit)


def _standing(status: StatusView) -> Iterator[Metric]:
    text = "1 for what slbd is to the desired state."
    rows = [((word,), value) for word, value in states(status.slbd, WORDS)]
    yield gauge("slb_agent_slbd_state", text, ("state",), rows)
    yield single("slb_agent_generation", "The desired state's generation.", status.generation)
    text = "The generation of the desired state that slbd had last."
    yield single("slb_agent_applied_generation", text, status.applied)
    text = "1 while the version before a damaged one counts, as when slb-agent started."
    yield single("slb_agent_state_damaged", text, int(status.damaged > 0))
    text = "Times that slbd was changed beside the agent, and mended."
    yield counter("slb_agent_mended", text, (), [((), status.mended)])


def _owners(status: StatusView) -> Iterator[Metric]:
    owners = status.owners
    for name, field, text in (
        ("vs", "vs", "VS of an owner."),
        ("rs", "rs", "RS of an owner."),
        ("generation", "generation", "The generation of its own that an owner sent last."),
        ("epoch", "epoch", "The highest epoch that an owner has sent."),
    ):
        rows = [((one.owner,), getattr(one, field)) for one in owners]
        yield gauge(f"slb_agent_owner_{name}", text, OWNER, rows)
    text = "1 while a change of an owner's waits to be confirmed."
    rows = [((one.owner,), int(one.confirm_within_s is not None)) for one in owners]
    yield gauge("slb_agent_owner_unconfirmed", text, OWNER, rows)


def _secure(secure: Secure, record: Record) -> Iterator[Metric]:
    text = "Reloads of agent.yaml and of the files that it names, by what came of them."
    yield counter("slb_agent_reloads", text, RESULT, _each(RELOADS, record.reloads))
    text = "When a reload last came to that, in seconds since 1970."
    yield gauge(
        "slb_agent_last_reload_time_seconds", text, RESULT, _each(RELOADS, record.last_reload)
    )
    text = "1 if the last reload failed: what is in force is not what the files say."
    yield single("slb_agent_reload_failed", text, int(bool(secure.trouble)))
    if secure.expires is not None:
        text = "When the agent's own certificate ends, in seconds since 1970."
        yield single("slb_agent_certificate_end_time_seconds", text, secure.expires)


def _one(label: str) -> list[Row]:
    return [((label,), 1)]


def _each(words: Iterable[str], found: dict[str, float] | dict[str, int]) -> list[Row]:
    return [((word,), found.get(word, 0)) for word in words]
