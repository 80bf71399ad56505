// SPDX-License-Identifier: BSD-3-Clause

#include "kni/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEGMENTS_MOST = 64 };

int kni_tap_open(const char *name, const uint8_t *mac) {
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = {0};
	int rc;

	if (tap < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	rc = ioctl(tap, TUNSETIFF, &ifr);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, RTE_ETHER_ADDR_LEN);
	if (rc == 0)
		rc = ioctl(tap, SIOCSIFHWADDR, &ifr);
	if (rc == 0)
		return tap;
	rc = -errno;
	close(tap);
	return rc;
}

uint16_t kni_tap_read(int tap, struct rte_mempool *pool, struct rte_mbuf **mbufs, uint16_t n) {
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		ssize_t len;
		if (m == NULL)
			return i;
		len = read(tap, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
		if (len < RTE_ETHER_HDR_LEN) {
			rte_pktmbuf_free(m);
			return i;
		}
		rte_pktmbuf_append(m, (uint16_t)len);
		mbufs[i] = m;
	}
	return n;
}

bool kni_tap_write(int tap, struct rte_mbuf *m) {
	struct iovec pieces[SEGMENTS_MOST];
	int n = 0;

	if (m->nb_segs > SEGMENTS_MOST)
		return false;
	for (const struct rte_mbuf *s = m; s != NULL; s = s->next)
		pieces[n++] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(s, void *),
			.iov_len = rte_pktmbuf_data_len(s),
		};
	if (writev(tap, pieces, n) < 0)
		return false;
	rte_pktmbuf_free(m);
	return true;
}
