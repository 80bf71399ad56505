# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel interface needs: vhost-net, or else the tun device."""

from collections.abc import Iterator

from slb.config.defaults import VHOST, has_kernel_interface
from slb.host.facts import Facts, load_advice
from slb.host.finding import Finding, error, ok, warning

TUN = "/dev/net/tun"


def find(facts: Facts) -> Iterator[Finding]:
    """Yield a line for each of the two."""
    config = facts.config
    kinds = {
        port.kernel_interface.kind
        for port in (config.ports if config else ())
        if has_kernel_interface(port)
    }
    devices = [device for port in (config.ports if config else ()) for device in port.devices()]
    vdevs = [device for device in devices if device.startswith("net_tap")]
    vhost, tun = (facts.host.at(path).exists() for path in (VHOST, TUN))
    if vhost:
        yield ok("vhost-net", f"{VHOST} is there")
    else:
        fix = load_advice(facts.host, "vhost_net")
        if "vhost" in kinds:
            yield error("vhost-net", f"no {VHOST}, which kernel_interface.kind: vhost needs", fix)
        else:
            yield warning("vhost-net", f"no {VHOST}; kernel interfaces are taps, slower", fix)
    if tun:
        yield ok("tun", f"{TUN} is there")
    else:
        # vhost's kernel end is a tap as well.
        needed = bool(kinds or vdevs) or config is None
        fix = load_advice(facts.host, "tun")
        say = error if needed else warning
        yield say("tun", f"no {TUN}, so there can be no kernel interface", fix)
