// SPDX-License-Identifier: BSD-3-Clause

#include "path/client_address.h"

#include "path/proxy_protocol.h"
#include "path/tcp_option.h"
#include "path/toa.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

enum { TELLS_CLIENT = SESSION_TOA | SESSION_PROXY };

void client_address_begin(struct core *c, struct session *s, const struct pkt *p) {
	const struct rte_tcp_hdr *tcp = p->l4;
	uint8_t how = c->policies[s->policy].client_address;

	if (how == SLB_CLIENT_ADDRESS_TOA)
		s->extras |= SESSION_TOA;
	if (how != SLB_CLIENT_ADDRESS_PROXY_V2)
		return;
	s->extras |= SESSION_PROXY;
	c->streams[s - c->sessions.entries].first = rte_be_to_cpu_32(tcp->sent_seq) + 1;
}

static uint32_t plan_toa(struct core *c, struct pkt *p, uint32_t room) {
	const uint8_t kinds = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;
	struct session *s = p->session;
	uint32_t grows;

	if (s->extras & SESSION_TOLD || (p->tcp_flags & kinds) != RTE_TCP_ACK_FLAG)
		return 0;
	s->extras |= SESSION_TELLS;
	grows = toa_growth(p);
	if (grows > room) {
		c->counters.untold++;
		return 0;
	}
	p->flags |= PKT_TELL;
	return grows;
}

uint32_t client_address_plan(struct core *c, struct pkt *p, uint32_t room) {
	const struct session *s = p->session;

	if (p->dir == DIR_OUT || !(s->extras & TELLS_CLIENT))
		return 0;
	if (p->flags & PKT_FRAGMENT) {
		pkt_drop(p, SLB_DROP_CLIENT_ADDRESS);
		return 0;
	}
	if (s->extras & SESSION_TOA)
		return plan_toa(c, p, room);
	if (!proxy_plan(c, p)) {
		pkt_drop(p, SLB_DROP_CLIENT_ADDRESS);
		return 0;
	}
	return p->flags & PKT_TELL ? proxy_bytes(s) : 0;
}

// The client's own would be believed.
static void put_toa(struct core *c, struct pkt *p) {
	tcp_blank_options(p, TCP_OPTION_TOA);
	if (p->flags & PKT_TELL && !toa_put(p))
		c->counters.untold++;
}

static bool put_proxy(struct core *c, struct pkt *p) {
	// Data in the SYN would come before the header; without Fast Open the RS leaves it for the client to send again.
	if (unlikely(p->tcp_flags & RTE_TCP_SYN_FLAG)) {
		tcp_blank_options(p, TCP_OPTION_FAST_OPEN);
		tcp_blank_options(p, TCP_OPTION_TOA);
	}
	if (p->flags & PKT_TELL && !proxy_put(p)) {
		pkt_drop(p, SLB_DROP_CLIENT_ADDRESS);
		return false;
	}
	if (p->flags & PKT_BEHIND)
		proxy_count(c, p);
	return true;
}

static void hear(struct core *c, struct pkt *p) {
	struct session *s = p->session;

	if (p->flags & PKT_LATER)
		return;
	if (s->extras & SESSION_TOA && s->extras & SESSION_TELLS
	    && !(p->tcp_flags & RTE_TCP_SYN_FLAG))
		s->extras |= SESSION_TOLD;
	if (s->extras & SESSION_PROXY) {
		proxy_hear(c, p);
		proxy_count(c, p);
	}
}

bool client_address_put(struct core *c, struct pkt *p) {
	const struct session *s = p->session;

	if (p->dir == DIR_OUT)
		hear(c, p);
	else if (s->extras & SESSION_TOA)
		put_toa(c, p);
	else if (s->extras & (SESSION_PROXY | SESSION_UNTOLD))
		return put_proxy(c, p);
	return true;
}

uint32_t client_address_most(const struct session *s) {
	if (!(s->extras & TELLS_CLIENT) || s->extras & SESSION_TOLD)
		return 0;
	return s->extras & SESSION_PROXY ? proxy_bytes(s) : toa_bytes(s);
}
