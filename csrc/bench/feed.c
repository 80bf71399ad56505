// SPDX-License-Identifier: BSD-3-Clause

#include "bench/feed.h"

#include "bench/account.h"
#include "bench/spoil.h"
#include "bench/worker.h"
#include "bench/world.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>
#include <rte_ring.h>
#include <stdio.h>

enum { FRAMES = FEED_FRAMES, FRAME = 60 };

static struct feed the;

static void copy(struct rte_mbuf *to, const struct rte_mbuf *from) {
	to->data_len = from->data_len;
	to->pkt_len = from->data_len;
	rte_memcpy(
		rte_pktmbuf_mtod(to, void *), rte_pktmbuf_mtod(from, const void *), from->data_len
	);
}

// What is behind the last one has come from a frame of before.
static uint16_t arrive(
	uint16_t, uint16_t, struct rte_mbuf **mbufs, uint16_t n, uint16_t, void *arg
) {
	struct feed *s = arg;
	uint16_t come = (uint16_t)RTE_MIN(s->n - s->next, (uint32_t)n);

	s->next += come;
	s->at = (s->at + n) % FRAMES;
	if (come < n)
		rte_pktmbuf_free_bulk(&mbufs[come], n - come);
	return come;
}

static uint16_t leave(uint16_t, uint16_t, struct rte_mbuf **mbufs, uint16_t n, void *arg) {
	struct feed *s = arg;
	uint32_t at = s->wanted - s->left;

	if (at < n) {
		copy(s->kept, mbufs[at]);
		spoil(s->kept);
	}
	s->left += n;
	return n;
}

// A file of blank frames, as many and as long as those of m1.
static void write_capture(FILE *file) {
	static const uint32_t header[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	static const uint32_t record[] = {0, 0, FRAME, FRAME};
	static const uint8_t frame[FRAME];

	fwrite(header, sizeof(header), 1, file);
	for (uint32_t i = 0; i < FRAMES; i++) {
		fwrite(record, sizeof(record), 1, file);
		fwrite(frame, sizeof(frame), 1, file);
	}
	fflush(file);
}

static void add_device(void) {
	static const char NAME[] = "net_pcap0";
	FILE *file = tmpfile();
	char arguments[64];

	if (file == NULL)
		world_fail("no file for frames");
	write_capture(file);
	snprintf(
		arguments, sizeof(arguments), "rx_pcap=/proc/self/fd/%d,infinite_rx=1", fileno(file)
	);
	if (rte_eal_hotplug_add("vdev", NAME, arguments) != 0
	    || rte_eth_dev_get_port_by_name(NAME, &the.dpdk_id) != 0)
		world_fail("there is no net_pcap");
	bench_port_start(the.dpdk_id);
	if (ACCOUNTED)
		account_device(the.dpdk_id);
	fclose(file);
}

// The device keeps the frames of its file in a ring, takes the first for each packet and puts it behind the last: so their order stays.
static void find_frames(void) {
	struct rte_ring *ring = rte_ring_lookup("PCAP_RING0");

	if (ring == NULL || rte_ring_dequeue_bulk(ring, (void **)the.ring, FRAMES, NULL) != FRAMES
	    || rte_ring_enqueue_bulk(ring, (void **)the.ring, FRAMES, NULL) != FRAMES)
		world_fail("this DPDK's net_pcap keeps its frames elsewhere");
}

struct feed *feed_open(void) {
	if (the.kept != NULL)
		return &the;
	the.kept = world_mbufs(1)[0];
	add_device();
	find_frames();
	if (rte_eth_add_rx_callback(the.dpdk_id, 0, arrive, &the) == NULL
	    || rte_eth_add_tx_callback(the.dpdk_id, 0, leave, &the) == NULL)
		world_fail("this DPDK has no callbacks of queues");
	return &the;
}

void feed_load(struct feed *s, struct rte_mbuf *const *frames, uint32_t n, uint32_t wanted) {
	if (n > FRAMES)
		world_fail("the device holds fewer frames");
	for (uint32_t i = 0; i < n; i++)
		copy(s->ring[(s->at + i) % FRAMES], frames[i]);
	s->n = n;
	s->next = s->left = 0;
	s->wanted = wanted;
}

void feed_is_sent(const struct feed *s) {
	if (s->next != s->n || s->left != s->n)
		world_fail("a packet was not sent on");
}
