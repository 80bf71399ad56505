// SPDX-License-Identifier: BSD-3-Clause
// Files by which DPDK's tools attach: those of hugepages in a hugetlbfs, all others in EAL's runtime directory. They outlive a
// process that is killed, and hugepages stay taken as long as they have a name; EAL itself removes none when it ends.

#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

// A tool sees within half a second that the slbd that it is attached to has gone.
enum { LEAVE_MS = 1500, POLL_MS = 20 };

// What is done with a file; its result ends the walk unless it is 0.
typedef int (*visit_fn)(const char *path, void *arg);

static int visit_folder(
	const char *folder, bool (*wanted)(const char *name, const char *prefix),
	const char *prefix, visit_fn visit, void *arg
) {
	DIR *dir = opendir(folder);
	char path[PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	int rc = 0;

	while (dir != NULL && rc == 0 && (entry = readdir(dir)) != NULL) {
		if (!wanted(entry->d_name, prefix))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		rc = visit(path, arg);
	}
	if (dir != NULL)
		closedir(dir);
	return rc;
}

static bool is_entry(const char *name, const char *) {
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_tool(const char *name, const char *) {
	return strncmp(name, "mp_socket_", 10) == 0;
}

static bool is_hugepage(const char *name, const char *prefix) {
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && strncmp(name + n, "map_", 4) == 0
		&& strspn(name + n + 4, "0123456789") == strlen(name + n + 4);
}

// Every hugetlbfs; returns how many there are, or what a visit has said.
static int visit_hugepages(const char *prefix, visit_fn visit, void *arg, int *n_mounts) {
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int rc = 0;

	*n_mounts = 0;
	while (mounts != NULL && rc == 0 && (mount = getmntent(mounts)) != NULL) {
		if (strcmp(mount->mnt_type, "hugetlbfs") != 0)
			continue;
		(*n_mounts)++;
		rc = visit_folder(mount->mnt_dir, is_hugepage, prefix, visit, arg);
	}
	if (mounts != NULL)
		endmntent(mounts);
	return rc;
}

static int remove_file(const char *path, void *) {
	unlink(path);
	return 0;
}

// As EAL finds it.
static void runtime_dir(const char *prefix, char path[PATH_MAX]) {
	const char *base = getenv("RUNTIME_DIRECTORY");

	if (base == NULL && getuid() == 0)
		base = "/var/run";
	if (base == NULL)
		base = getenv("XDG_RUNTIME_DIR");
	snprintf(path, PATH_MAX, "%s/dpdk/%s", base != NULL ? base : "/tmp", prefix);
}

// Whose the runtime directory is: a process's number, 0: nobody's any more, -1: there is none.
static int owner_of(const char *directory) {
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX + sizeof("/config")];
	int fd, owner;

	snprintf(path, sizeof(path), "%s/config", directory);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	owner = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
	close(fd);
	return owner;
}

// 1: somebody maps the file.
static int is_mapped(const char *path, void *) {
	int fd = open(path, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return 0;
	rc = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return rc;
}

// Whether somebody maps files of this name, who was given time to leave.
static bool still_mapped(const char *prefix, int *n_mounts) {
	for (int ms = 0; visit_hugepages(prefix, is_mapped, NULL, n_mounts) != 0; ms += POLL_MS) {
		if (ms >= LEAVE_MS)
			return true;
		usleep(POLL_MS * 1000);
	}
	return false;
}

int leftovers_check(const char *prefix, struct err *e) {
	char directory[PATH_MAX];
	int owner, n_mounts;
	bool mapped;

	runtime_dir(prefix, directory);
	owner = owner_of(directory);
	if (owner > 0)
		return err_set(
			e, EEXIST,
			"engine.file_prefix: %s is in use by process %d; give each slbd its own",
			prefix, owner
		);
	mapped = still_mapped(prefix, &n_mounts);
	if (n_mounts == 0)
		return err_set(
			e, ENOENT,
			"engine.shared_memory: no hugetlbfs is mounted; mount -t hugetlbfs "
			"hugetlbfs /dev/hugepages"
		);
	// A tool that hangs keeps the memory of a slbd that was killed, and is in nobody's way. Without a trace of that slbd they
	// may be another program's.
	if (mapped && owner < 0)
		return err_set(
			e, EEXIST,
			"engine.file_prefix: hugepage files %smap_* are in use by another process; "
			"end it, or choose another prefix",
			prefix
		);
	leftovers_remove(prefix);
	return 0;
}

void leftovers_forget_tools(void) {
	visit_folder(rte_eal_get_runtime_dir(), is_tool, NULL, remove_file, NULL);
}

void leftovers_remove(const char *prefix) {
	char directory[PATH_MAX];
	int n_mounts;

	visit_hugepages(prefix, remove_file, NULL, &n_mounts);
	runtime_dir(prefix, directory);
	visit_folder(directory, is_entry, NULL, remove_file, NULL);
	rmdir(directory);
}
