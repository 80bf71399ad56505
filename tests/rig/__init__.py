# SPDX-License-Identifier: BSD-3-Clause
r"""Network namespaces, real BIRD, real servers and clients around a real slbd.

    client ---- switch ---- lb        client 203.0.113.10-13
               /      \               switch 203.0.113.1, 192.0.2.1, its own BIRD
           node1      node2           lb     192.0.2.2 on slb0, slbd and its BIRD
          pod1a,b    pod2a,b          pods   10.10.N.M behind 172.31.N.2

`Rig` builds all of it, as often at a time as wanted; `Registry` remembers what was created so that
the next run can sweep what an aborted one left.
"""
