// SPDX-License-Identifier: BSD-3-Clause

#include "path/syn_shift.h"

#include "path/tcp_number.h"
#include "path/tcp_option.h"

void syn_shift_scales(struct syn_proxy *proxy, uint8_t client, uint8_t rs) {
	bool scales = client != TCP_NO_SCALE;

	// Without the client's there is none of the RS; without the RS's the client's does not count there.
	proxy->scale_out[0] = scales && rs != TCP_NO_SCALE ? rs : 0;
	proxy->scale_out[1] = scales ? SYN_PROXY_SCALE : 0;
	proxy->scale_in[0] = scales ? client : 0;
	proxy->scale_in[1] = scales && rs != TCP_NO_SCALE ? client : 0;
}

uint16_t syn_shift_window(uint16_t window, uint8_t from, uint8_t to) {
	uint32_t scaled = (uint32_t)window << from >> to;

	return (uint16_t)RTE_MIN(scaled, (uint32_t)UINT16_MAX);
}

// The window of a SYN is never scaled (RFC 7323, 2.2); one of an RS that has become an ACK is now.
static uint32_t scale(const struct syn_proxy *proxy, const struct pkt *p) {
	const uint8_t *scales = p->dir == DIR_IN ? proxy->scale_in : proxy->scale_out;
	bool syn = (p->tcp_flags & RTE_TCP_SYN_FLAG) != 0;
	struct rte_tcp_hdr *tcp = p->l4;
	uint16_t was = tcp->rx_win, is;

	if ((scales[0] == scales[1] && !syn) || (syn && p->dir == DIR_IN))
		return 0;
	is = rte_cpu_to_be_16(
		syn_shift_window(rte_be_to_cpu_16(was), syn ? 0 : scales[0], scales[1])
	);
	tcp->rx_win = is;
	return csum_replace16(was, is);
}

uint32_t syn_shift(const struct core *c, struct pkt *p) {
	const struct syn_proxy *proxy = &c->streams[p->session - c->sessions.entries].proxy;
	const struct session mirror = {.seq_delta = proxy->seq_delta, .ts_delta = proxy->ts_delta};
	struct pkt turned = {.l4 = p->l4, .dir = !p->dir, .tcp_flags = p->tcp_flags};

	return tcp_shift(&mirror, &turned) + scale(proxy, p);
}
