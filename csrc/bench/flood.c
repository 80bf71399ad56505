// SPDX-License-Identifier: BSD-3-Clause
// slb-flood INTERFACE PCAP SCHEDSTAT PACKETS TIMES: sends the file's frames through an interface, round and round, from an AF_PACKET socket that goes
// past the queueing discipline; a line with the nanoseconds a packet for each PACKETS of them.
//
// Behind a veth the kernel works on a packet on this CPU, as a rule before send returns, so it is this thread's CPU time, and otherwise in the CPU's
// ksoftirqd, whose /proc/PID/schedstat is SCHEDSTAT: its CPU time is added, once what was sent has been worked on. Whatever else
// runs on the CPU is not in it.

#define _GNU_SOURCE // sendmmsg()

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	FRAME = 128,
	FRAMES_MOST = 1 << 20,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	REST_US = 2000,
	NS_PER_S = 1000000000
};

struct frames {
	uint32_t n;
	uint32_t at; // next
	struct iovec *list;
};

static _Noreturn void fail(const char *what) {
	fprintf(stderr, "slb-flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct frames read_frames(const char *path) {
	struct frames f = {.list = calloc(FRAMES_MOST, sizeof(*f.list))};
	FILE *file = fopen(path, "re");
	uint32_t header[RECORD_HEADER / sizeof(uint32_t)];

	if (file == NULL || f.list == NULL || fseek(file, FILE_HEADER, SEEK_SET) != 0)
		fail(path);
	while (f.n < FRAMES_MOST && fread(header, sizeof(header), 1, file) == 1) {
		uint32_t len = header[2]; // that were captured
		struct iovec *frame = &f.list[f.n++];
		frame->iov_len = len;
		frame->iov_base = malloc(FRAME);
		if (len > FRAME || frame->iov_base == NULL
		    || fread(frame->iov_base, len, 1, file) != 1)
			fail(path);
	}
	if (f.n == 0)
		fail(path);
	fclose(file);
	return f;
}

static int open_socket(const char *interface) {
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0
	    || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0)
		fail(interface);
	return fd;
}

static uint32_t send_some(int fd, struct frames *f, uint32_t most) {
	struct mmsghdr msgs[BATCH] = {0};
	uint32_t n = most < BATCH ? most : BATCH;
	int sent;

	for (uint32_t i = 0; i < n; i++) {
		msgs[i].msg_hdr.msg_iov = &f->list[(f->at + i) % f->n];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, msgs, n, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
		fail("send");
	sent = sent < 0 ? 0 : sent;
	f->at = (f->at + (uint32_t)sent) % f->n;
	return (uint32_t)sent;
}

// Nanoseconds of CPU time, this thread's and ksoftirqd's.
static uint64_t used(int schedstat) {
	char text[64] = "";
	struct timespec own;

	if (pread(schedstat, text, sizeof(text) - 1, 0) <= 0
	    || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own) != 0)
		fail("CPU time");
	return strtoull(text, NULL, 10) + (uint64_t)own.tv_sec * NS_PER_S + (uint64_t)own.tv_nsec;
}

static double flood(int fd, int schedstat, struct frames *f, uint32_t packets) {
	uint64_t before = used(schedstat);

	for (uint32_t sent = 0; sent < packets;)
		sent += send_some(fd, f, packets - sent);
	usleep(REST_US);
	return (double)(used(schedstat) - before) / packets;
}

int main(int argc, char **argv) {
	uint32_t packets, times;
	struct frames frames;
	int fd, schedstat;

	if (argc != 6) {
		fprintf(stderr, "slb-flood: INTERFACE PCAP SCHEDSTAT PACKETS TIMES\n");
		return 2;
	}
	fd = open_socket(argv[1]);
	frames = read_frames(argv[2]);
	schedstat = open(argv[3], O_RDONLY | O_CLOEXEC);
	packets = (uint32_t)strtoul(argv[4], NULL, 10);
	times = (uint32_t)strtoul(argv[5], NULL, 10);
	for (uint32_t i = 0; i < times; i++)
		printf("%.2f\n", flood(fd, schedstat, &frames, packets));
	return 0;
}
