// SPDX-License-Identifier: BSD-3-Clause

#include "engine/engine.h"

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
