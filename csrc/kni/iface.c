// SPDX-License-Identifier: BSD-3-Clause
// The kernel interface of a port: virtio-user on /dev/vhost-net where the host has it, a tap device elsewhere. It has the
// port's MAC, so that what the kernel sends needs no rewriting.

#include "kni/kni.h"

#include "base/log.h"
#include "kni/tap.h"

#include <errno.h>
#include <net/if.h>
#include <rte_byteorder.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char VHOST_NET[] = "/dev/vhost-net";

static int start(struct kni_port *port) {
	struct rte_eth_conf conf = {0};
	uint16_t id = port->dpdk_id;
	int rc = rte_eth_dev_configure(id, 1, 1, &conf);

	if (rc == 0)
		rc = rte_eth_rx_queue_setup(id, 0, KNI_DESC, SOCKET_ID_ANY, NULL, port->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(id, 0, KNI_DESC, SOCKET_ID_ANY, NULL);
	return rc == 0 ? rte_eth_dev_start(id) : rc;
}

static int open_vhost(
	struct kni_port *port, uint16_t number, const char *name, const uint8_t *mac
) {
	char args[SLB_DEVICE_LEN];
	int rc;

	snprintf(
		args, sizeof(args),
		"path=%s,iface=%s,mac=%02x:%02x:%02x:%02x:%02x:%02x,queues=1,queue_size=%d",
		VHOST_NET, name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], KNI_DESC
	);
	snprintf(port->device, sizeof(port->device), "virtio_user_kni%u", number);
	rc = rte_eal_hotplug_add("vdev", port->device, args);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(port->device, &port->dpdk_id);
	return rc == 0 ? start(port) : rc;
}

static int open_tap(struct kni_port *port, const char *name, const uint8_t *mac) {
	int tap = kni_tap_open(name, mac);

	if (tap < 0)
		return tap;
	port->tap = tap;
	return 0;
}

int kni_port_open(
	struct kni_port *port, uint16_t number, const struct slb_port_config *config,
	const uint8_t *mac, struct rte_mempool *pool, struct err *e
) {
	const char *name = config->kni_name;
	bool vhost = config->kni_kind == SLB_KNI_VHOST;
	int rc;

	*port = (struct kni_port){
		.dpdk_id = KNI_NO_PORT,
		.tap = KNI_NO_TAP,
		.nic_id = KNI_NO_PORT,
		.pool = pool,
		.kind = config->kni_kind,
		.vlan_be = rte_cpu_to_be_16(config->vlan),
	};
	if (port->kind == SLB_KNI_NONE)
		return 0;
	if (vhost && access(VHOST_NET, R_OK | W_OK) != 0)
		return err_set(
			e, ENODEV,
			"port %s: kernel interface of kind vhost needs %s; use kind tap or auto",
			config->name, VHOST_NET
		);
	if (if_nametoindex(name) != 0)
		return err_set(
			e, EEXIST,
			"port %s: an interface named %s exists already; choose another "
			"kernel_interface.name",
			config->name, name
		);
	log_step();
	rc = vhost ? open_vhost(port, number, name, mac) : open_tap(port, name, mac);
	if (rc == 0)
		return 0;
	rc =
		err_set(e, -rc, "port %s: the kernel interface %s could not be created: %s",
			config->name, name,
			log_first_line()[0] != '\0' ? log_first_line() : strerror(-rc));
	kni_port_close(port);
	return rc;
}

void kni_port_close(struct kni_port *port) {
	if (port->tap != KNI_NO_TAP)
		close(port->tap);
	port->tap = KNI_NO_TAP;
	if (port->dpdk_id != KNI_NO_PORT) {
		rte_eth_dev_stop(port->dpdk_id);
		rte_eth_dev_close(port->dpdk_id);
		port->dpdk_id = KNI_NO_PORT;
	}
	if (port->device[0] != '\0')
		rte_eal_hotplug_remove("vdev", port->device);
	port->device[0] = '\0';
}
