// SPDX-License-Identifier: BSD-3-Clause
// What the device's rules have brought to the KNI core's own queue (steer/kni_queue.h): to the kernel, under the meters that workers
// have too. What is not for the kernel came here by a device that does not do as it was told; it goes to worker 0, which treats it
// as if it had received it.

#include "kni/kni.h"
#include "path/parse.h"
#include "path/vlan.h"
#include "steer/soft.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

static struct ipaddr prefix_mask(const struct slb_own_config *own) {
	uint32_t len = own->addr.family == 6 ? own->len : 96u + own->len;

	return (struct ipaddr){
		.hi = len >= 64 ? UINT64_MAX : ~(UINT64_MAX >> len),
		.lo = len >= 128   ? UINT64_MAX
			: len > 64 ? ~(UINT64_MAX >> (len - 64))
				   : 0,
	};
}

void kni_port_listen(
	struct kni_port *port, const struct slb_port_config *config, uint16_t nic_id, uint16_t queue
) {
	port->nic_id = nic_id;
	port->nic_queue = queue;
	for (port->n_own = 0; port->n_own < config->n_own; port->n_own++) {
		const struct slb_own_config *own = &config->own[port->n_own];
		port->own[port->n_own] = (struct kni_own){
			.addr = ipaddr_from_address(&own->addr), .mask = prefix_mask(own)
		};
	}
}

static bool is_among(struct ipaddr addr, const struct slb_own_address *own, uint32_t n_own) {
	for (uint32_t i = 0; i < n_own; i++)
		if (ipaddr_equal(ipaddr_from_address(&own[i].addr), addr))
			return true;
	return false;
}

void kni_own_set(struct kni *kni, const struct slb_own_address *own, uint32_t n_own) {
	for (uint16_t port = 0; port < kni->n_ports; port++)
		for (uint16_t i = 0; i < kni->ports[port].n_own; i++) {
			struct kni_own *o = &kni->ports[port].own[i];
			bool gone = !is_among(o->addr, own, n_own);
			__atomic_store_n(&o->gone, gone, __ATOMIC_RELAXED);
		}
}

static bool is_own(const struct kni_port *port, struct ipaddr addr) {
	for (uint16_t i = 0; i < port->n_own; i++)
		if (ipaddr_equal(port->own[i].addr, addr))
			return !__atomic_load_n(&port->own[i].gone, __ATOMIC_RELAXED);
	return false;
}

static bool is_on_link(const struct kni_port *port, struct ipaddr addr) {
	for (uint16_t i = 0; i < port->n_own; i++) {
		const struct kni_own *own = &port->own[i];
		if (((own->addr.hi ^ addr.hi) & own->mask.hi) == 0
		    && ((own->addr.lo ^ addr.lo) & own->mask.lo) == 0)
			return true;
	}
	return ipaddr_is_link_local(addr);
}

// By the networks of the configuration, where a worker goes by the kernel's routes.
static enum punt_class class_of(const struct kni_port *port, const struct pkt *p) {
	bool ospf = p->proto == PROTO_OSPF && is_on_link(port, pkt_src(p));

	return ospf ? PUNT_OSPF : punt_class(p);
}

static bool is_kernels(const struct kni_port *port, const struct pkt *p) {
	return p->verdict == VERDICT_NONE && (punt_is_ospf_group(p) || is_own(port, pkt_dst(p)));
}

// As it came, and in a buffer of the workers' own: those of the queue must not wait for a worker.
static struct rte_mbuf *copy(const struct kni_port *port, struct rte_mbuf *m) {
	struct rte_mbuf *c = rte_pktmbuf_copy(m, port->pool, 0, UINT32_MAX);

	if (c != NULL && port->vlan_be != 0 && !vlan_push(c, port->vlan_be)) {
		rte_pktmbuf_free(c);
		return NULL;
	}
	return c;
}

static void to_worker(struct kni *kni, struct kni_port *port, struct rte_mbuf **mbufs, uint16_t n) {
	struct rte_mbuf *copies[KNI_BURST];
	uint16_t n_copies = 0, passed;

	// What the kernel sends goes by the same ring, and has the other half for itself.
	for (uint16_t i = 0; i < n && !soft_half_full(kni->to_worker); i++) {
		copies[n_copies] = copy(port, mbufs[i]);
		if (copies[n_copies] == NULL)
			continue;
		soft_mark(copies[n_copies++], SOFT_WORK);
	}
	passed = soft_pass(kni->to_worker, copies, n_copies);
	port->dropped += n - passed;
	rte_pktmbuf_free_bulk(&copies[passed], n_copies - passed);
	rte_pktmbuf_free_bulk(mbufs, n);
}

// False: it is left to the workers.
static bool settle(struct kni *kni, struct kni_port *port, struct rte_mbuf *m) {
	struct pkt p = {.m = m};

	parse_frame(&p, port->vlan_be);
	if (p.verdict == VERDICT_DROP && p.arg == SLB_DROP_VLAN) {
		kni_drop(port, &m, 1);
		return true;
	}
	if (!is_kernels(port, &p))
		return false;
	if (punt_meter_take(&kni->meters[class_of(port, &p)], kni->now))
		kni_to_kernel(port, m);
	else
		kni_drop(port, &m, 1);
	return true;
}

bool kni_drain_nic(struct kni *kni, uint16_t number) {
	struct kni_port *port = &kni->ports[number];
	struct rte_mbuf *mbufs[KNI_BURST];
	uint16_t n, left = 0;

	if (port->nic_id == KNI_NO_PORT)
		return false;
	n = rte_eth_rx_burst(port->nic_id, port->nic_queue, mbufs, KNI_BURST);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		mbufs[i]->port = number;
		if (!settle(kni, port, mbufs[i]))
			mbufs[left++] = mbufs[i];
	}
	if (left > 0)
		to_worker(kni, port, mbufs, left);
	return n > 0;
}
