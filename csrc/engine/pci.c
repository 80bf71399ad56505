// SPDX-License-Identifier: BSD-3-Clause
// PCI devices as sysfs shows them. EAL finds those that it can drive when it starts, and about the others says little or
// nothing: a device that was not found is explained.

#include "engine/engine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The kernel's drivers beside which DPDK can work: those that hand the device over, and those that share it.
static const char *const USABLE[] = {
	"vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core", "mlx5_core", "mana",
};

static bool usable(const char *driver) {
	for (size_t i = 0; i < sizeof(USABLE) / sizeof(USABLE[0]); i++)
		if (strcmp(driver, USABLE[i]) == 0)
			return true;
	return false;
}

struct driver {
	char name[NAME_MAX + 1];
};

// The driver that a device is bound to, with an empty name when it is bound to none.
static struct driver driver_of(const char *device_path) {
	char path[PATH_MAX], target[PATH_MAX];
	struct driver driver = {0};
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", device_path);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(
		driver.name, sizeof(driver.name), "%.*s", NAME_MAX,
		slash != NULL ? slash + 1 : target
	);
	return driver;
}

int pci_check_shared(const char *folder, const char *name, struct err *e) {
	char path[PATH_MAX - sizeof("/driver")];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (strcmp(driver_of(path).name, "uio_pci_generic") != 0)
		return 0;
	return err_set(
		e, EBUSY,
		"engine.shared_memory: %s is bound to uio_pci_generic, which stops a NIC when a "
		"tool that was attached ends; bind it to vfio-pci, or leave shared_memory out",
		name
	);
}

void pci_explain(const char *folder, const char *name, char *text, size_t len) {
	char path[PATH_MAX - sizeof("/driver")];
	struct driver driver;
	struct stat found;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (stat(path, &found) != 0) {
		snprintf(
			text, len,
			"no such PCI device; dpdk-devbind.py --status lists those there are"
		);
		return;
	}
	driver = driver_of(path);
	if (usable(driver.name))
		snprintf(
			text, len, "bound to %s, but no driver of DPDK's could take it over",
			driver.name
		);
	else
		snprintf(
			text, len,
			"bound to %s%s; bind it to vfio-pci or uio_pci_generic (dpdk-devbind.py "
			"-b vfio-pci %s)",
			driver.name[0] != '\0' ? driver.name : "no driver",
			driver.name[0] != '\0' ? ", which DPDK cannot use" : "", name
		);
}
