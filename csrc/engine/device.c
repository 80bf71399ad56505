// SPDX-License-Identifier: BSD-3-Clause

#include "engine/engine.h"

#include "base/log.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_pci.h>
#include <stdio.h>
#include <string.h>

bool device_name(const char *device, char name[DEVICE_NAME_LEN]) {
	struct rte_pci_addr address;

	snprintf(name, DEVICE_NAME_LEN, "%.*s", (int)strcspn(device, ","), device);
	if (rte_pci_addr_parse(name, &address) != 0)
		return false;
	rte_pci_device_name(&address, name, DEVICE_NAME_LEN);
	return true;
}

const char *device_arguments(const char *device) {
	const char *comma = strchr(device, ',');

	return comma != NULL ? comma + 1 : "";
}

static int not_found(
	const char *configured, const char *name, const char *where, int rc, bool pci, struct err *e
) {
	const char *log = log_first_line();
	char text[SLB_TEXT_LEN];

	if (pci) {
		pci_explain(PCI_DEVICES, name, text, sizeof(text));
		return err_set(
			e, ENODEV, "%s %.*s: %s", where, (int)strcspn(configured, ","), configured,
			text
		);
	}
	return err_set(
		e, rc < 0 ? -rc : ENODEV, "%s %s: %s", where, configured,
		log[0] != '\0' ? log : "no such device, or no driver for it"
	);
}

int device_open(struct device *d, const char *configured, const char *where, struct err *e) {
	bool pci = device_name(configured, d->name);
	int rc = 0;

	log_step();
	// EAL has probed PCI devices when it started.
	if (!pci) {
		rc = rte_eal_hotplug_add("vdev", d->name, device_arguments(configured));
		d->vdev = rc == 0;
	}
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(d->name, &d->dpdk_id);
	d->open = rc == 0;
	return rc == 0 ? 0 : not_found(configured, d->name, where, rc, pci, e);
}

void device_close(struct device *d) {
	if (d->open) {
		rte_eth_dev_stop(d->dpdk_id);
		rte_eth_dev_close(d->dpdk_id);
	}
	if (d->vdev)
		rte_eal_hotplug_remove("vdev", d->name);
	d->open = d->vdev = false;
}
