// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/spoil.h"

#include "fuzz/frame.h"
#include "fuzz/memory.h"
#include "fuzz/input.h"

#include <stddef.h>
#include <string.h>

enum { ETHERNET = 14, POOL_SIZE = 3, ROOM = 256, LEN = 10 };

struct fault {
	const char *name;
	void (*to_packet)(struct harness_packet *p); // one that is sent
	void (*to_any)(struct harness_packet *p);
	void (*to_memory)(void);
	void (*to_sessions)(struct slb_session_info *page, int *n);
	void (*to_server)(struct slb_rs_info *rs);
	void (*to_commit)(uint64_t *generation);
	bool no_time; // passes at the end
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

// Whole and right, but longer than any port's MTU here.
static void too_long(struct harness_packet *p) {
	uint32_t len = ETHERNET + 9001;

	memset(p->data + p->len, 0, len - p->len);
	p->len = len;
	frame_fix(p->data, p->len, FUZZ_FIX_ALL & ~FUZZ_FIX_TAG);
}

// An RST for an answer that nobody has counted.
static void uncounted_answer(struct harness_packet *p) {
	struct layers l;

	layers_of(p->data, p->len, &l);
	p->data[l.l4 + 13] = TCP_RST;
	frame_fix(p->data, p->len, FUZZ_FIX_ALL & ~FUZZ_FIX_TAG);
}

static void punt_class(struct harness_packet *p) {
	p->verdict = HARNESS_PUNT;
	p->arg = 3;
}

static void changed(struct harness_packet *p) {
	p->verdict = HARNESS_PUNT;
	p->arg = 0;
}

static void nobody(struct harness_packet *p) {
	p->verdict = HARNESS_HANDOFF;
	p->arg = SLB_MAX_WORKERS;
}

static void handed_again(struct harness_packet *p) {
	if (!p->handed)
		return;
	p->verdict = HARNESS_HANDOFF;
	p->arg = 1;
}

// What one worker has handed to the other comes back, and so on.
static void round_and_round(struct harness_packet *p) {
	static struct harness_packet first;

	if (first.len == 0 && p->verdict == HARNESS_HANDOFF)
		first = *p;
	else if (first.len > 0) {
		first.arg = !first.arg;
		*p = first;
	}
}

static void drop_reason(struct harness_packet *p) {
	p->verdict = HARNESS_DROP;
	p->arg = SLB_DROP_COUNT;
}

static void lost_mbuf(struct harness_packet *) {
	fuzz_mbuf_lose();
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

static void worker(struct slb_session_info *page, int *) {
	page[0].worker = SLB_MAX_WORKERS;
}

static void families(struct slb_session_info *page, int *) {
	page[0].local.addr.family ^= 2;
}

static void one_client(struct slb_session_info *page, int *) {
	page[1].client = page[0].client;
	page[1].vs = page[0].vs;
}

static void one_local_port(struct slb_session_info *page, int *) {
	page[1].local = page[0].local;
	page[1].rs = page[0].rs;
}

static void unlisted(struct slb_session_info *, int *n) {
	*n -= *n > 0;
}

static void more_than_ever(struct slb_rs_info *rs) {
	rs->traffic.active = rs->traffic.sessions + 1;
}

static void decided_twice(struct slb_rs_info *rs) {
	rs->traffic.answers.answered += rs->traffic.sessions + 1;
}

static void generation(uint64_t *generation) {
	++*generation;
}

static void left_behind(uint64_t *) {
	harness_set_generation(0, 0);
}

static const struct fault FAULTS[] = {
	{"ip_sum", .to_packet = ip_sum},
	{"l4_sum", .to_packet = l4_sum},
	{"no_udp_sum", .to_packet = no_udp_sum},
	{"ip_length", .to_packet = ip_length},
	{"source", .to_packet = source},
	{"mac", .to_packet = mac},
	{"ttl", .to_packet = ttl},
	{"port", .to_packet = port},
	{"tag", .to_packet = tag},
	{"no_verdict", .to_packet = no_verdict},
	{"uncounted_drop", .to_packet = uncounted_drop},
	{"too_long", .to_packet = too_long},
	{"uncounted_answer", .to_packet = uncounted_answer},
	{"punt_class", .to_packet = punt_class},
	{"changed", .to_packet = changed},
	{"nobody", .to_packet = nobody},
	{"handed_again", .to_packet = handed_again},
	{"round_and_round", .to_any = round_and_round},
	{"drop_reason", .to_packet = drop_reason},
	{"lost_mbuf", .to_packet = lost_mbuf},
	{"lost_mbuf_at_the_end", .to_memory = fuzz_mbuf_lose},
	{"worker", .to_sessions = worker},
	{"families", .to_sessions = families},
	{"one_client", .to_sessions = one_client},
	{"one_local_port", .to_sessions = one_local_port},
	{"unlisted", .to_sessions = unlisted},
	{"more_than_ever", .to_server = more_than_ever},
	{"decided_twice", .to_server = decided_twice},
	{"generation", .to_commit = generation},
	{"left_behind", .to_commit = left_behind},
	{"no_time", .no_time = true},
	{"lost_object", .to_memory = lost_object},
	{"past_the_end", .to_memory = past_the_end},
	{"behind_a_packet", .to_memory = behind_a_packet},
	{"before_a_packet", .to_memory = before_a_packet},
	{"given_back", .to_memory = given_back},
	{"given_back_twice", .to_memory = given_back_twice},
};

static const struct fault *chosen;

bool spoil_choose(const char *name) {
	for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++)
		if (strcmp(FAULTS[i].name, name) == 0)
			chosen = &FAULTS[i];
	return chosen != NULL;
}

void spoil_packet(struct harness_packet *p) {
	if (chosen != NULL && chosen->to_any != NULL)
		chosen->to_any(p);
	if (chosen != NULL && chosen->to_packet != NULL && p->verdict == HARNESS_TX)
		chosen->to_packet(p);
}

void spoil_memory(void) {
	if (chosen != NULL && chosen->to_memory != NULL)
		chosen->to_memory();
}

void spoil_sessions(struct slb_session_info *page, int *n) {
	if (chosen != NULL && chosen->to_sessions != NULL)
		chosen->to_sessions(page, n);
}

void spoil_server(struct slb_rs_info *rs) {
	if (chosen != NULL && chosen->to_server != NULL)
		chosen->to_server(rs);
}

void spoil_commit(uint64_t *generation) {
	if (chosen != NULL && chosen->to_commit != NULL)
		chosen->to_commit(generation);
}

uint32_t spoil_time(uint32_t ms) {
	return chosen != NULL && chosen->no_time ? 0 : ms;
}
