# SPDX-License-Identifier: BSD-3-Clause
"""What scenarios make use of. Without a feature in the set, they keep clear of it.

numbers     TCP sequence numbers and time stamps that go on (docs/decisions/0011)
resets      RSTs for connections whose session ends before they do (0011)
errors      ICMP errors, translated and made (0009)
fragments   fragments, translated and made (0010)
telling     RS that are told the client's address (0012)
proxies     VS with SYN proxy (0013)
"""

FEATURES = {"numbers", "resets", "errors", "fragments", "telling", "proxies"}
