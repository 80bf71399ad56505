// SPDX-License-Identifier: BSD-3-Clause

#include "kni/kni.h"

#include "base/clock.h"
#include "kni/tap.h"
#include "path/vlan.h"
#include "steer/soft.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

void kni_drop(struct kni_port *port, struct rte_mbuf **mbufs, uint16_t n) {
	port->dropped += n;
	rte_pktmbuf_free_bulk(mbufs, n);
}

// False: the frame stays the caller's.
static bool give(struct kni_port *port, struct rte_mbuf *m) {
	if (port->tap != KNI_NO_TAP)
		return kni_tap_write(port->tap, m);
	return port->dpdk_id != KNI_NO_PORT && rte_eth_tx_burst(port->dpdk_id, 0, &m, 1) == 1;
}

static uint16_t take(struct kni_port *port, struct rte_mbuf **mbufs) {
	if (port->tap != KNI_NO_TAP)
		return kni_tap_read(port->tap, port->pool, mbufs, KNI_BURST);
	return rte_eth_rx_burst(port->dpdk_id, 0, mbufs, KNI_BURST);
}

void kni_to_kernel(struct kni_port *port, struct rte_mbuf *m) {
	if (give(port, m))
		port->to_kernel++;
	else
		kni_drop(port, &m, 1);
}

static bool drain_punted(struct kni *kni) {
	struct rte_mbuf *mbufs[KNI_BURST];
	bool any = false;

	for (uint16_t worker = 0; worker < kni->n_workers; worker++) {
		uint16_t n = soft_take(kni->punted[worker], mbufs, KNI_BURST);
		for (uint16_t i = 0; i < n; i++)
			kni_to_kernel(&kni->ports[mbufs[i]->port], mbufs[i]);
		any |= n > 0;
	}
	return any;
}

// The kernel's frames have no tag; the port's have, if it is one of a VLAN. Returns how many are left.
static uint16_t tag(struct kni_port *port, struct rte_mbuf **mbufs, uint16_t n) {
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (port->vlan_be == 0 || vlan_push(mbufs[i], port->vlan_be))
			mbufs[kept++] = mbufs[i];
		else
			kni_drop(port, &mbufs[i], 1);
	}
	return kept;
}

static bool drain_kernel(struct kni *kni, uint16_t number) {
	struct kni_port *port = &kni->ports[number];
	struct rte_mbuf *mbufs[KNI_BURST];
	uint16_t n, passed;

	if (!kni_port_exists(port))
		return false;
	n = tag(port, mbufs, take(port, mbufs));
	for (uint16_t i = 0; i < n; i++) {
		mbufs[i]->port = number;
		soft_mark(mbufs[i], SOFT_SEND);
	}
	passed = soft_pass(kni->to_worker, mbufs, n);
	port->from_kernel += passed;
	if (passed < n)
		kni_drop(port, &mbufs[passed], n - passed);
	return n > 0;
}

void kni_init(struct kni *kni, const struct slb_config *config) {
	kni->tsc_hz = rte_get_tsc_hz();
	kni->tick_base = rte_rdtsc();
	punt_meter_init(&kni->meters[PUNT_OSPF], config->punt_ospf_pps, 0);
	punt_meter_init(&kni->meters[PUNT_ARP], config->punt_arp_pps, 0);
	punt_meter_init(&kni->meters[PUNT_OTHER], config->punt_other_pps, 0);
}

static void drain_standby(struct kni *kni) {
	kni->ticked = kni->now;
	for (uint16_t port = 0; port < kni->n_ports; port++)
		if (kni->ports[port].nic_id != KNI_NO_PORT)
			standby_drain(&kni->ports[port].standby, kni->ports[port].nic_queue);
}

bool kni_round(struct kni *kni) {
	bool worked = false;

	kni->now = (uint32_t)((rte_rdtsc() - kni->tick_base) * TICK_HZ / kni->tsc_hz);
	if (kni->now != kni->ticked)
		drain_standby(kni);
	for (uint16_t port = 0; port < kni->n_ports; port++)
		worked |= kni_drain_nic(kni, port);
	worked |= drain_punted(kni);
	for (uint16_t port = 0; port < kni->n_ports; port++)
		worked |= drain_kernel(kni, port);
	return worked;
}

int kni_main(void *arg) {
	struct kni *kni = arg;

	while (__atomic_load_n(kni->stop, __ATOMIC_RELAXED) == 0)
		idle_round(&kni->idle, kni_round(kni), false);
	return 0;
}
