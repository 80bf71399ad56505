// SPDX-License-Identifier: BSD-3-Clause
// The TCP connection as a device in the middle can know it (RFC 9293, figure 5, seen from between the two ends). It
// chooses time-outs only: no packet of a session is refused because of its state.

#include "path/tcp_state.h"

// An RST without ACK is an answer to an acknowledgement (RFC 9293, 3.10.7.1 and 3.10.7.3).
enum kind { KIND_SYN = 0, KIND_FIN, KIND_ACK, KIND_RST, KIND_BARE_RST, KIND_COUNT };

#define SS SLB_TCP_SYN_SENT
#define SR SLB_TCP_SYN_RECV
#define ES SLB_TCP_ESTABLISHED
#define FW SLB_TCP_FIN_WAIT
#define CW SLB_TCP_CLOSE_WAIT
#define LA SLB_TCP_LAST_ACK
#define TW SLB_TCP_TIME_WAIT
#define CL SLB_TCP_CLOSE

// Rows: what came. Columns: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT (client closed), CLOSE_WAIT (RS closed),
// LAST_ACK (both closed), TIME_WAIT, CLOSE. A client's SYN on a finished session never comes here: it makes a new one.
// A bare RST of a client in SYN_SENT ends what its RS remembers of an older connection and acknowledges; the client goes on
// waiting, and by the port that is now free for it its next SYN is taken.
static const uint8_t NEXT[2][KIND_COUNT][SLB_TCP_CLOSE + 1] = {
	[DIR_IN] =
		{
			[KIND_SYN] = {SS, SS, SR, ES, FW, CW, LA, TW, CL},
			[KIND_FIN] = {FW, SS, FW, FW, FW, LA, LA, TW, CL},
			[KIND_ACK] = {ES, SS, ES, ES, FW, CW, TW, TW, CL},
			[KIND_RST] = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
			[KIND_BARE_RST] = {CL, SS, CL, CL, CL, CL, CL, CL, CL},
		},
	[DIR_OUT] = {
		[KIND_SYN] = {SR, SR, SR, ES, FW, CW, LA, TW, CL},
		[KIND_FIN] = {CW, CW, CW, CW, LA, CW, LA, TW, CL},
		[KIND_ACK] = {ES, SS, SR, ES, FW, CW, TW, TW, CL},
		[KIND_RST] = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
		[KIND_BARE_RST] = {CL, CL, CL, CL, CL, CL, CL, CL, CL},
	},
};

static enum kind kind_of(uint8_t flags) {
	if (flags & RTE_TCP_RST_FLAG)
		return flags & RTE_TCP_ACK_FLAG ? KIND_RST : KIND_BARE_RST;
	if (flags & RTE_TCP_SYN_FLAG)
		return KIND_SYN;
	return flags & RTE_TCP_FIN_FLAG ? KIND_FIN : KIND_ACK;
}

uint8_t tcp_state_change(uint8_t state, enum direction dir, uint8_t tcp_flags) {
	return NEXT[dir][kind_of(tcp_flags)][state];
}
