// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/spoil.h"

#include "fuzz/memory.h"

#include <stddef.h>
#include <string.h>

enum { ETHERNET = 14, POOL_SIZE = 3, ROOM = 256, LEN = 10 };

struct fault {
	const char *name;
	void (*to_packet)(struct harness_packet *p); // one that is sent
	void (*to_memory)(void);
};

static void ip_sum(struct harness_packet *p) {
	p->data[ETHERNET + 10] ^= 1;
}

static void l4_sum(struct harness_packet *p) {
	p->data[p->len - 1] ^= 1;
}

static void no_udp_sum(struct harness_packet *p) {
	memset(p->data + ETHERNET + 26, 0, 2);
}

static void ip_length(struct harness_packet *p) {
	p->data[ETHERNET + 2] = 0xff;
}

static void source(struct harness_packet *p) {
	p->data[ETHERNET + 12] ^= 1;
}

static void mac(struct harness_packet *p) {
	p->data[11] ^= 1;
}

static void ttl(struct harness_packet *p) {
	p->data[ETHERNET + 8] = 0;
}

static void port(struct harness_packet *p) {
	p->arg = SLB_MAX_PORTS;
}

static void tag(struct harness_packet *p) {
	memmove(p->data + 16, p->data + 12, p->len - 12);
	memcpy(p->data + 12, (uint8_t[]){0x81, 0x00, 0, 1}, 4);
	p->len += 4;
}

static void no_verdict(struct harness_packet *p) {
	p->verdict = 0;
}

static void uncounted_drop(struct harness_packet *p) {
	p->verdict = HARNESS_DROP;
	p->arg = SLB_DROP_TTL;
}

static void lost_object(void) {
	fuzz_malloc(1, 0);
}

static void past_the_end(void) {
	volatile uint8_t *bytes = fuzz_malloc(LEN, 0);

	bytes[LEN] = 0;
}

static struct rte_mbuf *packet(void) {
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("spoil", POOL_SIZE, 0, 0, ROOM, SOCKET_ID_ANY);
	struct rte_mbuf *m = fuzz_mbuf_alloc(pool);

	fuzz_mbuf_append(m, LEN);
	return m;
}

static void behind_a_packet(void) {
	struct rte_mbuf *m = packet();
	volatile uint8_t *bytes = rte_pktmbuf_mtod(m, volatile uint8_t *);

	bytes[LEN - 1] = bytes[LEN];
}

static void before_a_packet(void) {
	struct rte_mbuf *m = packet();
	volatile uint8_t *bytes = rte_pktmbuf_mtod(m, volatile uint8_t *);

	bytes[0] = bytes[-1];
}

static void given_back(void) {
	struct rte_mbuf *m = packet();

	fuzz_mbuf_free(m);
	*(volatile uint16_t *)&m->data_len = 0;
}

static void given_back_twice(void) {
	struct rte_mbuf *m = packet();

	fuzz_mbuf_free(m);
	fuzz_mbuf_free(m);
}

static const struct fault FAULTS[] = {
	{"ip_sum", ip_sum, NULL},
	{"l4_sum", l4_sum, NULL},
	{"no_udp_sum", no_udp_sum, NULL},
	{"ip_length", ip_length, NULL},
	{"source", source, NULL},
	{"mac", mac, NULL},
	{"ttl", ttl, NULL},
	{"port", port, NULL},
	{"tag", tag, NULL},
	{"no_verdict", no_verdict, NULL},
	{"uncounted_drop", uncounted_drop, NULL},
	{"lost_object", NULL, lost_object},
	{"past_the_end", NULL, past_the_end},
	{"behind_a_packet", NULL, behind_a_packet},
	{"before_a_packet", NULL, before_a_packet},
	{"given_back", NULL, given_back},
	{"given_back_twice", NULL, given_back_twice},
};

static const struct fault *chosen;

bool spoil_choose(const char *name) {
	for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++)
		if (strcmp(FAULTS[i].name, name) == 0)
			chosen = &FAULTS[i];
	return chosen != NULL;
}

void spoil_packet(struct harness_packet *p) {
	if (chosen != NULL && chosen->to_packet != NULL && p->verdict == HARNESS_TX)
		chosen->to_packet(p);
}

void spoil_memory(void) {
	if (chosen != NULL && chosen->to_memory != NULL)
		chosen->to_memory();
}
