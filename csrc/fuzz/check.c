// SPDX-License-Identifier: BSD-3-Clause

#include "fuzz/check.h"

#include "fuzz/bytes.h"
#include "fuzz/frame.h"
#include "fuzz/spoil.h"
#include "fuzz/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 64, MAX_ROWS = 256, COMPARED = 64, TAG = 4, MAX_SEGMENTS = 4 };

void broken(const char *format, ...) {
	va_list args;

	fputs("fuzz: broken: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

// The home of a datagram's fragments gives them another identification, which the header's checksum covers.
static void forget_identification(uint8_t *frame, uint32_t len) {
	struct layers l;

	layers_of(frame, len, &l);
	if (!l.fragment)
		return;
	if (l.version == 6) {
		put32(frame + l.fragment_at + 4, 0);
		return;
	}
	put16(frame + l.l3 + 4, 0);
	put16(frame + l.l3 + 10, 0);
}

// But for the tag, which is off from the first look at a frame until it is sent.
static bool same_bytes(const struct harness_packet *in, const struct harness_packet *out) {
	static uint8_t was[FRAME_MAX], is[FRAME_MAX];
	uint32_t len = in->len, tag = in->len == out->len + TAG ? TAG : 0;

	if (len != out->len + tag)
		return false;
	memcpy(was, in->data, len);
	if (tag > 0)
		memmove(was + 12, was + 12 + tag, len - 12 - tag);
	memcpy(is, out->data, out->len);
	forget_identification(was, out->len);
	forget_identification(is, out->len);
	return memcmp(was, is, out->len) == 0;
}

static bool has_udp_sum(const uint8_t *frame, const struct layers *l) {
	return l->proto == PROTO_UDP && l->l4 != 0 && !l->fragment && get16(frame + l->l4 + 6) != 0;
}

// What came in right goes out right.
static void check_sums(const struct harness_packet *in, const struct harness_packet *out) {
	struct layers was, is;

	layers_of(in->data, in->len, &was);
	layers_of(out->data, out->len, &is);
	if (ip_sum_ok(in->data, &was) && !ip_sum_ok(out->data, &is))
		broken("a right IPv4 checksum became wrong");
	// Of a packet that left in pieces no one tells.
	if (is.fragment || !l4_sum_ok(in->data, &was))
		return;
	if (!l4_sum_ok(out->data, &is))
		broken("a right L4 checksum became wrong");
	if (has_udp_sum(in->data, &was) && !has_udp_sum(out->data, &is))
		broken("a UDP checksum was lost");
}

static bool was_held_for(const struct tally *t, const uint8_t *mac) {
	for (uint32_t i = 0; i < HELD_MACS && i < t->n_held_mac; i++)
		if (memcmp(t->held_mac[i], mac, sizeof(t->held_mac[i])) == 0)
			return true;
	return false;
}

// An answer comes from where the question was sent to.
static void check_own_mac(
	const struct tally *t, const struct harness_packet *in, const struct harness_packet *out
) {
	const uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)out->arg}, *source = out->data + 6;

	if (memcmp(source, mac, sizeof(mac)) != 0
	    && (in == NULL ? !was_held_for(t, source) : memcmp(source, in->data, sizeof(mac)) != 0))
		broken("a frame is sent from a MAC that is not the port's");
}

static void check_tag(const struct tally *t, const struct harness_packet *out) {
	bool tagged = get16(out->data + 12) == ETHERTYPE_VLAN;
	uint16_t vlan = tagged ? get16(out->data + 14) & 0xfff : 0;

	if (vlan != t->vlan[out->arg] || tagged != (vlan != 0))
		broken("a frame leaves in VLAN %u by a port of VLAN %u", vlan, t->vlan[out->arg]);
}

void check_sent(const struct tally *t, const struct harness_packet *out) {
	struct layers l;
	uint32_t source;

	if (out->arg >= t->ports)
		broken("a frame is sent to port %u of %u", out->arg, t->ports);
	layers_of(out->data, out->len, &l);
	if (l.l3 == 0 || !l.whole)
		broken("a frame of %u bytes is sent that is no whole IP packet", out->len);
	check_tag(t, out);
	source = l.l3 + (l.version == 4 ? 12 : 8);
	if (!world_is_ours(out->data + source, l.version))
		broken("a frame is sent from an address that is not ours");
	if (out->data[l.l3 + (l.version == 4 ? 8 : 7)] == 0)
		broken("a frame is sent with no time to live left");
}

static bool is_icmp_error(const struct harness_packet *packet) {
	struct layers l;
	uint8_t type;

	layers_of(packet->data, packet->len, &l);
	if (l.l4 == 0 || l.l4 >= l.end)
		return false;
	type = packet->data[l.l4];
	return (l.proto == PROTO_ICMP && l.version == 4 && (type == 3 || type == 11 || type == 12))
		|| (l.proto == PROTO_ICMPV6 && l.version == 6 && type < 5);
}

// An answer goes by the way the question came, whatever its size.
static bool is_answer(const struct harness_packet *in, const struct harness_packet *out) {
	struct layers was;

	if (in == NULL || in->port != out->arg)
		return in == NULL && is_icmp_error(out);
	layers_of(in->data, in->len, &was);
	return was.proto == PROTO_ICMP || was.proto == PROTO_ICMPV6 || is_icmp_error(out);
}

static void check_size(
	const struct tally *t, const struct harness_packet *in, const struct harness_packet *out
) {
	struct layers l;

	layers_of(out->data, out->len, &l);
	if (out->len - l.l3 > t->mtu[out->arg] && !is_answer(in, out))
		broken("a packet of %u bytes is sent where the MTU is %u", out->len - l.l3,
		       t->mtu[out->arg]);
}

static bool is_reset(const struct harness_packet *packet) {
	struct layers l;

	layers_of(packet->data, packet->len, &l);
	return l.proto == PROTO_TCP && l.l4 != 0 && !l.fragment
		&& (packet->data[l.l4 + 13] & TCP_RST) != 0;
}

// Made here from nothing, so nothing excuses a wrong checksum.
static void check_own_sums(const struct harness_packet *out) {
	struct layers l;

	layers_of(out->data, out->len, &l);
	if (!ip_sum_ok(out->data, &l))
		broken("a wrong IPv4 checksum is made");
	if (!l.fragment && l.l4 != 0 && !l4_sum_ok(out->data, &l))
		broken("a wrong L4 checksum is made");
}

static void check_tx(
	struct tally *t, uint16_t worker, const struct harness_packet *in,
	const struct harness_packet *out
) {
	bool reset = is_reset(out) && (in == NULL || !is_reset(in));
	bool error = is_icmp_error(out) && (in == NULL || !is_icmp_error(in));

	check_sent(t, out);
	check_own_mac(t, in, out);
	check_size(t, in, out);
	if (reset || error)
		check_own_sums(out);
	else if (in != NULL)
		check_sums(in, out);
	// A RST that the path makes for itself, of a session that has ended, is no answer.
	t->answers[worker][ANSWER_RESET] += reset && in != NULL;
	t->answers[worker][ANSWER_ERROR] += error;
}

// Only fragments, and what quotes a packet, are looked for by one worker after the other.
static bool may_go_on(const struct harness_packet *in) {
	struct layers l;

	layers_of(in->data, in->len, &l);
	return l.fragment || is_icmp_error(in);
}

void check_packet(
	struct tally *t, uint16_t worker, const struct harness_packet *in,
	const struct harness_packet *out
) {
	switch (out->verdict) {
	case HARNESS_TX:
		check_tx(t, worker, in, out);
		return;
	case HARNESS_PUNT:
		if (out->arg > 2)
			broken("a punt of class %u", out->arg);
		break;
	case HARNESS_HANDOFF:
		if (out->arg >= t->workers || out->arg == worker)
			broken("worker %u hands over to worker %u", worker, out->arg);
		if (in != NULL && in->handed && !may_go_on(in))
			broken("worker %u hands a packet over a second time", worker);
		break;
	case HARNESS_DROP:
		if (out->arg >= SLB_DROP_COUNT)
			broken("a drop for reason %u", out->arg);
		t->drops[worker][out->arg]++;
		t->unsent[worker] += is_reset(out);
		break;
	case HARNESS_HELD:
		if (in != NULL)
			memcpy(t->held_mac[t->n_held_mac++ % HELD_MACS], in->data, 6);
		t->held[worker]++;
		break;
	default:
		broken("a packet has the verdict %u", out->verdict);
	}
	if (in != NULL && out->verdict != HARNESS_DROP && out->verdict != HARNESS_HELD
	    && !same_bytes(in, out))
		broken("a packet with the verdict %u was changed", out->verdict);
}

// Which of the reasons an answer stands for is not seen in it, so it is taken off the ones that have it over: last off what
// take_unsent() may take too.
static void take_answers(const struct tally *t, uint16_t worker, uint64_t *counted) {
	enum { MOST = 10 };
	static const struct {
		uint8_t n;
		enum slb_drop reasons[MOST];
	} ANSWERED[ANSWERS] = {
		[ANSWER_RESET] =
			{MOST,
			 {SLB_DROP_NO_SESSION, SLB_DROP_NOT_SYN, SLB_DROP_SYN_COOKIE,
			  SLB_DROP_SYN_PROXY, SLB_DROP_NO_RS, SLB_DROP_NO_LOCAL_PORT,
			  SLB_DROP_SESSION_FULL, SLB_DROP_STOPPING, SLB_DROP_SESSION_RESET,
			  SLB_DROP_SYN_STAMPS}},
		[ANSWER_ERROR] = {2, {SLB_DROP_TTL, SLB_DROP_MTU}},
	};

	for (int kind = 0; kind < ANSWERS; kind++) {
		uint64_t left = t->answers[worker][kind];
		for (int i = 0; i < ANSWERED[kind].n; i++) {
			enum slb_drop reason = ANSWERED[kind].reasons[i];
			uint64_t *count = &counted[reason];
			uint64_t dropped = t->drops[worker][reason];
			uint64_t over = *count > dropped ? *count - dropped : 0;
			uint64_t taken = over < left ? over : left;
			*count -= taken;
			left -= taken;
		}
		if (left > 0)
			broken("worker %u sent %" PRIu64
			       " answers of kind %d that it did not count",
			       worker, left, kind);
	}
}

// A fragment that was held and then dropped has no verdict of its own.
static void take_held(const struct tally *t, uint16_t worker, uint64_t *counted) {
	static const enum slb_drop REASONS[] = {
		SLB_DROP_FRAGMENT_OVERLAP, SLB_DROP_FRAGMENT_LIMIT, SLB_DROP_FRAGMENT_TIMEOUT
	};
	uint64_t left = t->held[worker];

	for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++) {
		uint64_t dropped = t->drops[worker][REASONS[i]];
		uint64_t over = counted[REASONS[i]] > dropped ? counted[REASONS[i]] - dropped : 0;
		uint64_t taken = over < left ? over : left;
		counted[REASONS[i]] -= taken;
		left -= taken;
	}
}

// What becomes an RST on its way, and then cannot be sent, is counted for what it was and for that.
static void take_unsent(const struct tally *t, uint16_t worker, uint64_t *counted) {
	uint64_t dropped = t->drops[worker][SLB_DROP_SYN_STAMPS];
	uint64_t *count = &counted[SLB_DROP_SYN_STAMPS];
	uint64_t over = *count > dropped ? *count - dropped : 0;

	*count -= over < t->unsent[worker] ? over : t->unsent[worker];
}

// What is left out for want of a buffer was never a packet.
static void take_untold(const struct tally *t, uint16_t worker, uint64_t *counted) {
	uint64_t dropped = t->drops[worker][SLB_DROP_NO_MBUF];

	if (t->untold && counted[SLB_DROP_NO_MBUF] > dropped)
		counted[SLB_DROP_NO_MBUF] = dropped;
}

static void check_drops(const struct tally *t) {
	uint64_t counted[SLB_MAX_WORKERS * SLB_DROP_COUNT];

	harness_drop_list(counted, t->workers * SLB_DROP_COUNT);
	for (uint16_t w = 0; w < t->workers; w++) {
		take_answers(t, w, &counted[w * SLB_DROP_COUNT]);
		take_held(t, w, &counted[w * SLB_DROP_COUNT]);
		take_unsent(t, w, &counted[w * SLB_DROP_COUNT]);
		take_untold(t, w, &counted[w * SLB_DROP_COUNT]);
	}
	for (uint32_t w = 0; w < t->workers; w++)
		for (uint32_t reason = 0; reason < SLB_DROP_COUNT; reason++)
			if (counted[w * SLB_DROP_COUNT + reason] != t->drops[w][reason])
				broken("worker %u counted %" PRIu64 " drops for reason %u, %" PRIu64
				       " happened",
				       w, counted[w * SLB_DROP_COUNT + reason], reason,
				       t->drops[w][reason]);
}

static bool same_endpoint(const struct slb_endpoint *a, const struct slb_endpoint *b) {
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void check_session(const struct tally *t, const struct slb_session_info *s) {
	if (s->worker >= t->workers || s->state >= SLB_STATE_COUNT)
		broken("a session on worker %u in state %u", s->worker, s->state);
	if (s->vs.addr.family != s->client.addr.family || s->local.addr.family != s->rs.addr.family)
		broken("a session that mixes address families on one side");
}

// Two sessions of one worker with the same side would be found for each other's packets; those of one packet are found from
// the RS's side only.
static void check_apart(const struct tally *t, const struct slb_session_info *s, uint32_t n) {
	for (uint32_t i = 0; i < n && i < COMPARED; i++)
		for (uint32_t k = i + 1; k < n && k < COMPARED; k++) {
			if (s[i].worker != s[k].worker)
				continue;
			if (!(t->one_packet && s[i].vs.proto == SLB_PROTO_UDP)
			    && same_endpoint(&s[i].client, &s[k].client)
			    && same_endpoint(&s[i].vs, &s[k].vs))
				broken("two sessions of one client's connection");
			if (same_endpoint(&s[i].local, &s[k].local)
			    && same_endpoint(&s[i].rs, &s[k].rs))
				broken("two sessions share a local port towards one RS");
		}
}

static uint64_t count_sessions(const struct tally *t) {
	const struct slb_session_filter all = {.worker = -1};
	struct slb_session_info page[PAGE];
	uint64_t cursor = 0, count = 0;

	while (cursor != UINT64_MAX) {
		int n = harness_session_list(&all, &cursor, page, PAGE);
		if (n < 0)
			broken("sessions cannot be listed: error %d", n);
		spoil_sessions(page, &n);
		for (int i = 0; i < n; i++)
			check_session(t, &page[i]);
		check_apart(t, page, (uint32_t)n);
		count += (uint64_t)n;
	}
	return count;
}

static uint64_t decided(const struct slb_answers *a) {
	return a->answered + a->unanswered + a->refused + a->aborted;
}

static uint64_t count_at_servers(uint32_t *removed) {
	struct slb_rs_info rows[MAX_ROWS];
	int n = harness_rs_list(rows, MAX_ROWS);
	uint64_t active = 0;

	*removed = 0;
	for (int i = 0; i < n && i < MAX_ROWS; i++) {
		spoil_server(&rows[i]);
		active += rows[i].traffic.active;
		*removed += rows[i].removed;
		if (rows[i].traffic.active > rows[i].traffic.sessions)
			broken("an RS has more sessions than it ever got");
		if (decided(&rows[i].traffic.answers) > rows[i].traffic.sessions)
			broken("more sessions of an RS have come to something than it ever got");
	}
	return active;
}

static uint64_t count_at_laddrs(void) {
	// Two for each worker, and where they are all workers' each of them is listed for each.
	enum { ROWS = 2 * 4 * 4 };
	struct slb_laddr_info rows[ROWS];
	int n = harness_laddr_list(rows, ROWS);
	uint64_t active = 0;

	for (int i = 0; i < n && i < ROWS; i++)
		active += rows[i].active;
	return active;
}

void check_counters(const struct tally *t) {
	uint32_t removed;
	uint64_t sessions = count_sessions(t);
	uint64_t servers = count_at_servers(&removed);
	uint64_t laddrs = count_at_laddrs();

	check_drops(t);
	if (sessions != servers || sessions != laddrs)
		broken("%" PRIu64 " sessions are listed, RS count %" PRIu64
		       ", local addresses %" PRIu64,
		       sessions, servers, laddrs);
}

void check_held(const struct tally *t) {
	uint64_t held = 0;

	for (uint16_t w = 0; w < t->workers; w++)
		held += t->held[w];
	if (harness_mbufs_in_use() > held * MAX_SEGMENTS)
		broken("after a burst %u mbufs are held, of %" PRIu64 " fragments",
		       harness_mbufs_in_use(), held);
}

void check_over(const struct tally *t) {
	uint32_t removed;
	uint64_t left = count_sessions(t) + count_at_servers(&removed) + count_at_laddrs();

	check_drops(t);
	if (left != 0 || removed != 0)
		broken("after all time-outs sessions or removed RS remain");
	if (harness_mbufs_in_use() != 0)
		broken("after all time-outs %u mbufs are held", harness_mbufs_in_use());
}
