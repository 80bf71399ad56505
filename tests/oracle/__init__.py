# SPDX-License-Identifier: BSD-3-Clause
"""Full NAT a second time, as a model to compare the engine with.

The model is written from the documentation and from the RFCs; it shares no line with the engine
and imports nothing of it. Where the engine may choose (a local address and port, now and then an
RS), the model takes the choice from what was observed and checks that it was a legal one;
everything else it foresees: each frame's verdict, each byte of each frame sent, all sessions, all
counters.

    checksum, packet, extensions        what a frame says
    tcp_state, tcp_numbers, sessions    what is known of a connection
    datagrams, reassembly               what is known of fragments
    scheduler, routes, services         what the operator has set up
    translate, icmp_errors, fragments   packets that go on
    made, resets, refused               packets of our own
    segment_size, meter                 what `tcp.mss` and `punt` allow
    outcome, model                      the balancer of all these
    recompute                           checksums once more, by scapy
    features, dice, events, strategies  what happens: drawn by hypothesis
    build, quotes, fragmenting, drafts  frames of it
    player, observed, share             engine and model side by side

`test_model_*` hold the newest chapters against frames that scapy makes, `test_sabotage` shows that
the comparison notices.
"""
