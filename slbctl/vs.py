# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl vs …`: virtual servers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from slb.model.codec import to_plain
from slb.model.endpoint import VsKey
from slb.model.health import Health
from slb.model.policy import ClientAddress, Scheduler, VsTimeouts
from slb.model.service import RealServer, Service, VsEdit
from slb.model.views import RsView, Traffic, VsView
from slbctl import output, policy
from slbctl.call import ask, ask_twice
from slbctl.check import health_option, no_health_option
from slbctl.command import SlbGroup
from slbctl.options import Target, json_option, rate_option
from slbctl.output import Column
from slbctl.params import WeightedRsParam, vs_argument, vs_filter_argument
from slbctl.rs import hindered, rs_columns
from slbctl.tables import byte_columns, number, rate_columns, session_columns, traffic_columns
from slbctl.units import count, octets, plural

if TYPE_CHECKING:
    from slb.api.client import Client

NO_VS = "no VS; 'slbctl vs add' adds one"


@click.group(cls=SlbGroup)
def vs() -> None:
    """Virtual servers: the addresses that clients connect to."""


@vs.command(
    examples=(
        "slbctl vs add 10.96.0.10:53/udp --one-packet --timeout udp_oneway=5",
        "slbctl vs add 10.96.0.10:80/tcp --scheduler wrr --rs 10.10.0.1:8080 --rs 10.10.0.2:8080=5",
    )
)
@vs_argument
@policy.scheduler_option
@click.option(
    "--rs",
    "real_servers",
    metavar="RS[=WEIGHT]",
    type=WeightedRsParam(),
    multiple=True,
    help="An RS to begin with, weight 1 unless given; may be repeated.",
)
@policy.one_packet_option
@policy.client_address_option
@policy.syn_proxy_option
@policy.timeout_option
@health_option
@click.pass_obj
def add(
    target: Target,
    vs: VsKey,
    scheduler: Scheduler | None,
    real_servers: Sequence[RealServer],
    one_packet: bool,
    client_address: ClientAddress | None,
    syn_proxy: bool,
    timeouts: Sequence[policy.Timeout],
    health: Health | None,
) -> None:
    """Add a VS, with its RS."""
    own = VsTimeouts(**dict(timeouts))
    service = Service(
        vs,
        scheduler or "rr",
        tuple(real_servers),
        one_packet,
        own,
        client_address or "none",
        syn_proxy,
        health or UNSET,
    )
    done = ask(target, lambda client: client.vs_add(service))
    words = policy.words(
        service.scheduler, one_packet or None, timeouts, client_address, syn_proxy or None
    )
    kept = ", ".join([*words, *_checked(health, False)])
    output.show_line(
        f"VS {vs} added, {kept}, {len(real_servers)} RS (generation {done.generation})"
    )


@vs.command("del", examples=("slbctl vs del 10.96.0.10:80/tcp",))
@vs_argument
@click.pass_obj
def delete(target: Target, vs: VsKey) -> None:
    """Delete a VS and its RS; live sessions go on until they end."""
    done = ask(target, lambda client: client.vs_del(vs))
    output.show_line(f"VS {vs} deleted (generation {done.generation})")


@vs.command(
    examples=(
        "slbctl vs edit 10.96.0.10:80/tcp --scheduler sh",
        "slbctl vs edit 10.96.0.10:80/tcp --syn-proxy",
        "slbctl vs edit 10.96.0.10:80/tcp --timeout tcp_established=3600",
        "slbctl vs edit 10.96.0.10:80/tcp --client-address proxy-v2",
        "slbctl vs edit 10.96.0.10:80/tcp --health http,path=/healthz,interval_s=1",
    )
)
@vs_argument
@policy.scheduler_option
@policy.one_packet_switch
@policy.client_address_option
@policy.syn_proxy_switch
@policy.timeout_switch
@health_option
@no_health_option
@click.pass_obj
def edit(
    target: Target,
    vs: VsKey,
    scheduler: Scheduler | None,
    one_packet: bool | None,
    client_address: ClientAddress | None,
    syn_proxy: bool | None,
    timeouts: Sequence[policy.Timeout],
    health: Health | None,
    no_health: bool,
) -> None:
    """Change a VS's scheduler, timeouts, health checks or whatever it was given."""
    if health and no_health:
        raise click.UsageError("--health and --no-health; give one of them")
    checks = None if no_health else health or UNSET
    change = VsEdit(scheduler, one_packet, dict(timeouts), client_address, syn_proxy, checks)
    if change == VsEdit():
        usage = (
            "nothing to change: give --scheduler, --one-packet, --client-address, --syn-proxy, "
            "--timeout, --health or --no-health"
        )
        raise click.UsageError(usage, click.get_current_context())
    done = ask(target, lambda client: client.vs_edit(vs, change))
    words = policy.words(scheduler, one_packet, timeouts, client_address, syn_proxy)
    kept = ", ".join([*words, *_checked(health, no_health)])
    output.show_line(f"VS {vs} changed, {kept} (generation {done.generation})")


@vs.command("list", examples=("slbctl vs list", "slbctl vs list --json"))
@json_option
@click.pass_obj
def list_(target: Target, as_json: bool) -> None:
    """List the VS."""
    rows = ask(target, lambda client: client.vs_list())
    columns = [
        Column[VsView]("VS", lambda row: row.vs),
        Column[VsView]("SCHED", lambda row: row.scheduler),
        Column[VsView]("CLIENT ADDRESS", lambda row: row.client_address.replace("none", "-")),
        number("RS", lambda row: row.rs_count),
        Column[VsView]("DRAINING", lambda row: str(row.draining or "-"), right=True),
        Column[VsView]("REMOVED", lambda row: str(row.removed or "-"), right=True),
        *session_columns(lambda row: row.traffic),
        *byte_columns(lambda row: row.traffic),
    ]
    output.show_listing(rows, columns, as_json, empty=NO_VS, foot=_foot(rows))


@vs.command(
    examples=("slbctl vs show 10.96.0.10:80/tcp", "slbctl vs show 10.96.0.10:80/tcp --json")
)
@vs_argument
@json_option
@click.pass_obj
def show(target: Target, vs: VsKey, as_json: bool) -> None:
    """Show one VS and its RS."""

    def both(client: "Client") -> tuple[VsView, list[RsView]]:
        return client.vs_show(vs), client.rs_list(vs)

    view, rows = ask(target, both)
    if as_json:
        output.show_json({**to_plain(view), "rs": rows})
        return
    output.show_pairs(_properties(view))
    output.show_line("")
    output.show_table(rows, rs_columns(), empty=f"no RS; 'slbctl rs add {vs} RS' adds one")


@vs.command(
    examples=(
        "slbctl vs stats",
        "slbctl vs stats 10.96.0.10:80/tcp --json",
        "slbctl vs stats --rate 1",
    )
)
@vs_filter_argument
@json_option
@rate_option
@click.pass_obj
def stats(target: Target, vs: VsKey | None, as_json: bool, rate_s: float | None) -> None:
    """Count sessions, packets and bytes of the VS, or show them per second."""

    def read(client: "Client") -> list[VsView]:
        return [client.vs_show(vs)] if vs else client.vs_list()

    name = Column[VsView]("VS", lambda row: row.vs)
    if rate_s is not None:
        seen = ask_twice(target, read, rate_s)
        before = {view.vs: view.traffic for view in seen.before}
        columns: list[Column[VsView]] = rate_columns(
            lambda row: before.get(row.vs, Traffic()), lambda row: row.traffic, seen.seconds
        )
        output.show_table(seen.after, [name, *columns], empty=NO_VS)
        return
    rows = ask(target, read)
    columns = [name, *traffic_columns(lambda row: row.traffic)]
    output.show_listing(rows, columns, as_json, empty=NO_VS)


def _checked(health: Health | None, no_health: bool) -> list[str]:
    if no_health:
        return ["no health checks"]
    return [f"health {health.kind}"] if health else []


def _foot(rows: Sequence[VsView]) -> str:
    real_servers = sum(row.rs_count for row in rows)
    draining, removed = sum(row.draining for row in rows), sum(row.removed for row in rows)
    active = sum(row.traffic.active for row in rows)
    parts = [f"{len(rows)} VS", f"{real_servers} RS", *hindered(draining, removed)]
    return ", ".join([*parts, plural(active, "active session")])


def _properties(view: VsView) -> list[tuple[str, str]]:
    seen = view.traffic
    return [
        ("VS", view.vs),
        ("Scheduler", view.scheduler),
        *policy.properties(view),
        ("RS", ", ".join([str(view.rs_count), *hindered(view.draining, view.removed)])),
        ("Sessions", f"{count(seen.active)} active, {count(seen.sessions)} since the start"),
        ("In", f"{plural(seen.in_packets, 'packet')}, {octets(seen.in_bytes)}"),
        ("Out", f"{plural(seen.out_packets, 'packet')}, {octets(seen.out_bytes)}"),
        ("Changed", f"in generation {view.generation}"),
    ]
