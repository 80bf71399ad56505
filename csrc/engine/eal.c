// SPDX-License-Identifier: BSD-3-Clause
// EAL, once a process. Everything stays in memory: no hugepage files, no shared configuration, and but for the socket of DPDK's
// telemetry, where that is on, nothing to clean up after a crash. Unless memory is shared with DPDK's tools: leftovers.c.

#include "engine/engine.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ARGS = 192, ARG_LEN = 512, MAX_ORDINARY_MB = 262144 };

struct args {
	int n;
	char *v[MAX_ARGS];
};

static void add(struct args *args, const char *value) {
	if (args->n < MAX_ARGS)
		args->v[args->n++] = strdup(value);
}

static void free_args(struct args *args) {
	for (int i = 0; i < args->n; i++)
		free(args->v[i]);
}

static bool add_device(const char *device, struct args *args) {
	char name[DEVICE_NAME_LEN];

	if (!device_name(device, name))
		return false;
	add(args, "-a");
	add(args, device);
	return true;
}

static void add_devices(const struct slb_config *config, struct args *args) {
	bool any = false;

	for (uint16_t i = 0; i < config->n_ports; i++) {
		const struct slb_port_config *p = &config->ports[i];
		any |= add_device(p->device, args);
		for (uint16_t m = 0; m < p->bond.n_members; m++)
			any |= add_device(p->bond.members[m], args);
	}
	if (!any)
		add(args, "--no-pci");
}

// The main lcore is the thread that opens the engine, whose affinity is its own affair afterwards. EAL's helper threads go
// where no lcore is, and where there is no such CPU, to the main lcore's.
static void add_lcores(const struct slb_config *config, struct args *args) {
	char text[ARG_LEN];
	size_t used = (size_t)snprintf(
		text, sizeof(text), "%u@%u,%u@%u,%u@%u", LCORE_MAIN, config->admin_cpu, LCORE_ADMIN,
		config->admin_cpu, LCORE_KNI, config->kni_cpu
	);

	for (uint16_t w = 0; w < config->n_workers; w++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, ",%u@%u", LCORE_WORKER + w,
			config->worker_cpus[w]
		);
	add(args, "--lcores");
	add(args, text);
}

static uint32_t memory_mb(const struct slb_config *config) {
	return config->memory_mb != 0 ? config->memory_mb : memory_needed_mb(config);
}

static void add_memory(const struct slb_config *config, struct args *args) {
	char text[32];

	if (config->use_hugepages) {
		if (!config->shared_memory)
			add(args, "--in-memory");
	} else {
		add(args, "--no-huge");
		add(args, "--no-shconf");
	}
	snprintf(text, sizeof(text), "%u", memory_mb(config));
	add(args, "-m");
	add(args, text);
}

// Memory in free hugepages of any size, in MB.
static uint64_t hugepages_free_mb(void) {
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;
	uint64_t total = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unsigned long kb, pages;
		char path[512];
		FILE *file;
		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(
			path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages",
			entry->d_name
		);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			total += (uint64_t)pages * kb / 1024;
		fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

static int check_hugepages(uint32_t needed, struct err *e) {
	uint64_t have = hugepages_free_mb();

	if (have >= needed)
		return 0;
	return err_set(
		e, ENOMEM,
		"hugepages: %u MB needed, %lu MB free; reserve them (echo %u > "
		"/proc/sys/vm/nr_hugepages) or set engine.hugepages: false",
		needed, have, (needed + 1) / 2
	);
}

// EAL counts bytes about ordinary pages in 32 bits and crashes when there are too many.
static int check_ordinary_memory(uint32_t needed, struct err *e) {
	uint64_t host = ((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE)) >> 20;
	uint64_t most = host < MAX_ORDINARY_MB ? host : MAX_ORDINARY_MB;

	if (most >= needed)
		return 0;
	return err_set(
		e, ENOMEM,
		"memory: %u MB needed, %lu MB is the most without hugepages on this host; lower "
		"engine.sessions, engine.mbufs or engine.memory_mb",
		needed, most
	);
}

static int check_memory(const struct slb_config *config, struct err *e) {
	uint32_t needed = memory_mb(config);

	return config->use_hugepages ? check_hugepages(needed, e)
				     : check_ordinary_memory(needed, e);
}

static int check_cpu(unsigned int cpu, const char *role, struct err *e) {
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/core_id", cpu);
	file = fopen(path, "re");
	if (file == NULL)
		return err_set(
			e, EINVAL, "engine.cpus.%s: this host has no CPU %u online", role, cpu
		);
	fclose(file);
	return 0;
}

static int check_cpus(const struct slb_config *config, struct err *e) {
	int rc = check_cpu(config->admin_cpu, "admin", e);

	if (rc == 0)
		rc = check_cpu(config->kni_cpu, "kni", e);
	for (uint16_t w = 0; rc == 0 && w < config->n_workers; w++)
		rc = check_cpu(config->worker_cpus[w], "workers", e);
	return rc;
}

static const char *file_prefix(const struct slb_config *config) {
	return config->file_prefix[0] != '\0' ? config->file_prefix : "slb";
}

static int check_shared_device(const char *device, struct err *e) {
	char name[DEVICE_NAME_LEN];

	return device_name(device, name) ? pci_check_shared(PCI_DEVICES, name, e) : 0;
}

static int check_shared_devices(const struct slb_config *config, struct err *e) {
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < config->n_ports; i++) {
		const struct slb_port_config *p = &config->ports[i];
		rc = check_shared_device(p->device, e);
		for (uint16_t m = 0; rc == 0 && m < p->bond.n_members; m++)
			rc = check_shared_device(p->bond.members[m], e);
	}
	return rc;
}

// What an earlier slbd has left goes first, since it takes hugepages.
static int prepare_shared(const struct slb_config *config, struct err *e) {
	int rc;

	if (!config->shared_memory)
		return 0;
	rc = check_shared_devices(config, e);
	if (rc == 0)
		rc = leftovers_check(file_prefix(config), e);
	if (rc == 0 && config->ring_place != SLB_RING_PLACE_OWN)
		rc = pool_kinds_place(config->ring_place, e);
	return rc;
}

static void add_all(const struct slb_config *config, struct args *args) {
	char text[64];

	add(args, "slbd");
	add_lcores(config, args);
	add_memory(config, args);
	add_devices(config, args);
	add(args, config->telemetry ? "--telemetry" : "--no-telemetry");
	add(args, "--file-prefix");
	add(args, file_prefix(config));
	snprintf(text, sizeof(text), "--log-level=%u", config->log_level);
	add(args, text);
}

static int refused(struct err *e) {
	const char *first = log_first_line(), *last = log_last_line();
	int code = rte_errno != 0 ? rte_errno : EIO;

	if (last[0] == '\0')
		return err_set(e, code, "EAL refused to start: %s", rte_strerror(rte_errno));
	if (strcmp(first, last) == 0)
		return err_set(e, code, "EAL refused to start: %s", last);
	return err_set(e, code, "EAL refused to start: %s; before that: %s", last, first);
}

int eal_open(struct engine *g, struct err *e) {
	static bool used;
	struct args args = {0};
	char *argv[MAX_ARGS + 1];
	int rc = check_cpus(&g->config, e);

	if (rc == 0)
		rc = prepare_shared(&g->config, e);
	if (rc == 0)
		rc = check_memory(&g->config, e);
	if (rc != 0)
		return rc;
	if (used)
		return err_set(e, EALREADY, "EAL starts once a process; start a new one");
	used = true;
	add_all(&g->config, &args);
	// EAL keeps and reorders the vector it is given.
	memcpy(argv, args.v, sizeof(args.v));
	argv[args.n] = NULL;
	log_capture_start();
	rc = rte_eal_init(args.n, argv);
	free_args(&args);
	// EAL has made a directory for what processes share. Without telemetry it is empty and stays so; removed at once, it
	// does not outlive a process that is killed.
	rmdir(rte_eal_get_runtime_dir());
	if (rc < 0)
		return refused(e);
	g->eal = true;
	return 0;
}

// DPDK removes its sockets when the process ends, but not their directory.
static void remove_telemetry(void) {
	static const char *const SOCKETS[] = {"dpdk_telemetry.v2", "telemetry"};
	const char *directory = rte_eal_get_runtime_dir();
	char path[PATH_MAX];

	for (size_t i = 0; i < RTE_DIM(SOCKETS); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, SOCKETS[i]);
		unlink(path);
	}
	rmdir(directory);
}

void eal_close(struct engine *g) {
	if (!g->eal)
		return;
	rte_eal_cleanup();
	if (g->config.shared_memory)
		leftovers_remove(file_prefix(&g->config));
	else if (g->config.telemetry)
		remove_telemetry();
	g->eal = false;
}
