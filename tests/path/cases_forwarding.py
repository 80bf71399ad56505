# SPDX-License-Identifier: BSD-3-Clause
"""Next hops: routes, gateways, neighbours, and sessions that follow when these change."""

from dataclasses import replace

from case import Back, Case, Drop, Reroute, Send, Sessions, ToClient, ToRs
from lab import PLAIN
from packets.frames import ACK, GATEWAY, RS, SYN_ACK, tcp
from values import Neighbour, Route, View

OTHER_GATEWAY, OTHER_MAC = "192.0.2.254", "aa:aa:aa:00:00:fe"
NEIGHBOUR_MAC = "bb:bb:bb:00:00:01"

NOWHERE = View(own=PLAIN.own)
NO_CLIENTS = View((Route("10.10.0.0/16", GATEWAY), Route("192.0.2.0/24")), PLAIN.neighbours)
UNRESOLVED = replace(PLAIN, neighbours=())
MOVED = replace(
    PLAIN,
    routes=(Route("192.0.2.0/24"), Route("0.0.0.0/0", OTHER_GATEWAY)),
    neighbours=(*PLAIN.neighbours, Neighbour(OTHER_GATEWAY, OTHER_MAC)),
)
NEW_MAC = replace(PLAIN, neighbours=(Neighbour(GATEWAY, OTHER_MAC),))
CONNECTED = View(
    (Route("10.10.0.0/24", port=1), Route("0.0.0.0/0", GATEWAY), Route("192.0.2.0/24")),
    (*PLAIN.neighbours, Neighbour(RS, NEIGHBOUR_MAC, 1)),
)
LINKS = [View((Route("0.0.0.0/0", port=port),), own=PLAIN.own) for port in (0, 1)]
WRONG_LINK = replace(CONNECTED, neighbours=(*PLAIN.neighbours, Neighbour(RS, NEIGHBOUR_MAC, 0)))
OVER_PORT_1 = View(
    (Route("0.0.0.0/0", "198.51.100.1", 1), Route("198.51.100.0/24", port=1)),
    (Neighbour("198.51.100.1", OTHER_MAC, 1),),
)

CASES = [
    Case("no route to the RS", Reroute(NOWHERE), Send(tcp(), Drop("NO_ROUTE", "in")), Sessions(1)),
    Case(
        "no route back to the client",
        Reroute(NO_CLIENTS),
        Send(tcp(), ToRs()),
        Send(Back(SYN_ACK), Drop("NO_ROUTE", "out")),
    ),
    Case(
        "a gateway without a MAC is asked for",
        Reroute(UNRESOLVED),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in", wanted=GATEWAY)),
    ),
    Case(
        "it is asked for once a tick, and the session goes on once it is there",
        Reroute(UNRESOLVED),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in", wanted=GATEWAY)),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in")),
        Reroute(PLAIN),
        Send(tcp(), ToRs()),
        Send(Back(SYN_ACK), ToClient()),
    ),
    Case(
        "at once too when it has moved to another link",
        Reroute(LINKS[0]),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in", wanted=RS)),
        Reroute(LINKS[1]),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in", wanted=RS, on=1)),
    ),
    Case(
        "a neighbour on the link is reached directly, over its port",
        Reroute(CONNECTED),
        Send(tcp(), ToRs(mac=NEIGHBOUR_MAC, port=1)),
        Send(Back(SYN_ACK), ToClient(), port=1),
    ),
    Case(
        "the RS is not reached by the MAC that another link knows for it",
        Reroute(WRONG_LINK),
        Send(tcp(), Drop("NO_NEIGHBOUR", "in", wanted=RS, on=1)),
    ),
    Case(
        "everything over the second port",
        Reroute(OVER_PORT_1),
        Send(tcp(), ToRs(mac=OTHER_MAC, port=1)),
    ),
    Case(
        "a live session follows a new route",
        Send(tcp(), ToRs()),
        Reroute(MOVED),
        Send(tcp(ACK), ToRs(mac=OTHER_MAC)),
        Send(Back(ACK), ToClient(mac=OTHER_MAC)),
        Reroute(PLAIN),
        Send(tcp(ACK), ToRs()),
        Send(Back(ACK), ToClient()),
    ),
    Case(
        "a live session follows a gateway's new MAC",
        Send(tcp(), ToRs()),
        Reroute(NEW_MAC),
        Send(tcp(ACK), ToRs(mac=OTHER_MAC)),
    ),
    Case(
        "a live session moves to another port",
        Send(tcp(), ToRs()),
        Reroute(OVER_PORT_1),
        Send(tcp(ACK), ToRs(mac=OTHER_MAC, port=1)),
        Send(Back(ACK), ToClient(mac=OTHER_MAC, port=1), port=1),
    ),
    Case(
        "a lost route stops a live session, and its return lets it go on",
        Send(tcp(), ToRs()),
        Reroute(NOWHERE),
        Send(tcp(ACK), Drop("NO_ROUTE", "in")),
        Send(Back(ACK), Drop("NO_ROUTE", "out")),
        Reroute(PLAIN),
        Send(tcp(ACK), ToRs()),
    ),
]
