// SPDX-License-Identifier: BSD-3-Clause

#include "bench/account.h"

#include "bench/account_take.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

_Thread_local struct accounts accounts;

const char *const ACCOUNT_NAMES[ACCOUNTS] = {
	[ACCOUNT_PARSE] = "parse",
	[ACCOUNT_PUNT] = "punt",
	[ACCOUNT_FRAGMENT] = "fragment",
	[ACCOUNT_SESSION] = "session",
	[ACCOUNT_ADMIT] = "admit",
	[ACCOUNT_RESET] = "session_reset",
	[ACCOUNT_SYN_PROXY] = "syn_proxy",
	[ACCOUNT_PASS] = "pass",
	[ACCOUNT_FORWARD] = "forward",
	[ACCOUNT_REWRITE] = "rewrite",
	[ACCOUNT_SPLIT] = "split",
	[ACCOUNT_INBOX] = "inbox",
	[ACCOUNT_SWEEP] = "sweep",
	[ACCOUNT_EXPIRE] = "expire",
	[ACCOUNT_RX] = "rx",
	[ACCOUNT_TX] = "tx",
};

static struct {
	eth_rx_burst_t rx;
	eth_tx_burst_t tx;
} driver;

uint64_t account_overhead(void) {
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t began = rte_rdtsc();
		uint64_t took = rte_rdtsc() - began;
		least = took < least ? took : least;
	}
	return least;
}

static uint16_t receive(void *queue, struct rte_mbuf **mbufs, uint16_t n) {
	uint64_t began = rte_rdtsc();
	uint16_t come = driver.rx(queue, mbufs, n);

	account_take(ACCOUNT_RX, began);
	return come;
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t n) {
	uint64_t began = rte_rdtsc();
	uint16_t gone = driver.tx(queue, mbufs, n);

	account_take(ACCOUNT_TX, began);
	return gone;
}

void account_device(uint16_t dpdk_id) {
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[dpdk_id];

	driver.rx = ops->rx_pkt_burst;
	driver.tx = ops->tx_pkt_burst;
	ops->rx_pkt_burst = receive;
	ops->tx_pkt_burst = transmit;
}
