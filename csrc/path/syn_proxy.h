// SPDX-License-Identifier: BSD-3-Clause
// SYN proxy (docs/decisions/0013-syn-proxy.md): a client's handshake is the LB's; its last ACK makes the session, and becomes the SYN to
// the RS. Until the RS has answered, the session waits.
#pragma once

#include "path/syn_cookie.h"
#include "path/vs.h"

// What a client's ACK has brought back.
struct syn_accepted {
	uint32_t isn;
	struct syn_cookie cookie;
	struct tcp_offer offer;
};

// A client's SYN to a VS with SYN proxy: answered, or dropped.
void syn_proxy_answer(struct core *c, struct pkt *p, const struct vs *vs);

// Whether a client's packet without a session may have one.
bool syn_proxy_accepts(const struct core *c, const struct pkt *p, struct syn_accepted *accepted);

// Has the new session of such a packet wait for its RS; a packet that was dropped, because it could have none, is turned into an RST.
void syn_proxy_begin(struct core *c, struct pkt *p, const struct syn_accepted *accepted);

// Stage of the path, where there are such sessions: the packets of those that wait, and what an RS answers again.
void syn_proxy(struct core *c, struct burst *b);

static inline bool syn_proxy_waits(const struct core *c, const struct session *s) {
	return s->extras & SESSION_SYN_PROXY && c->streams[s - c->sessions.entries].proxy.waits;
}

// When a session that waits needs attention: a tick.
static inline uint32_t syn_proxy_due(const struct core *c, const struct session *s) {
	return c->streams[s - c->sessions.entries].proxy.due;
}

// Sends the SYN again if the session waits, has not waited for long enough and is due; true: it goes on.
bool syn_proxy_goes_on(struct core *c, struct session *s);

// The session ends. If it has waited in vain, its client gets an RST.
void syn_proxy_gives_up(struct core *c, struct session *s);
