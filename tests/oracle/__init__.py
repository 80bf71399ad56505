# SPDX-License-Identifier: BSD-3-Clause
"""Full NAT a second time, as a model to compare the engine with.

The model is written from the documentation and from the RFCs; it shares no line with the engine
and imports nothing of it. Where the engine may choose (a local address and port, now and then an
RS), the model takes the choice from what was observed and checks that it was a legal one;
everything else it foresees: each frame's verdict, each byte of each frame sent, all sessions, all
counters.

    checksum, packet, tcp_state, scheduler, routes, services, sessions, translate, model   the model
    recompute                                       checksums once more, by scapy
    build, drafts, dice, events, strategies         what happens: drawn by hypothesis
    player, share                                   engine and model side by side
"""
