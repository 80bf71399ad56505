// SPDX-License-Identifier: BSD-3-Clause
// What libFuzzer calls. The environment names a file that the totals go to, says whether to tell every step and which fault
// to make (spoil.h); libFuzzer's own options come on the command line.

#include "fuzz/mutate.h"
#include "fuzz/run.h"
#include "fuzz/spoil.h"
#include "fuzz/totals.h"
#include "fuzz/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(
	const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2, uint8_t *out,
	size_t max_out_size, unsigned seed
);

// What is freed within an input stays recognizable; holding on to more than that costs page faults, half of the speed.
const char *__asan_default_options(void) {
	return "quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1:malloc_context_size=8";
}

// The totals in a file that others may read while they grow.
static void share_totals(const char *path) {
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	void *shared = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*totals)) == 0)
		shared = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(fd);
	totals = shared;
}

int LLVMFuzzerInitialize(int *, char ***) {
	const char *shared = getenv("SLB_FUZZ_TOTALS");
	const char *spoil = getenv("SLB_FUZZ_SPOIL");

	if (shared != NULL)
		share_totals(shared);
	if (spoil != NULL && !spoil_choose(spoil)) {
		fprintf(stderr, "fuzz: no fault is called %s\n", spoil);
		exit(2);
	}
	trace_on = getenv("SLB_FUZZ_TRACE") != NULL;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	run_input(data, size);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
	return mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(
	const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2, uint8_t *out,
	size_t max_out_size, unsigned seed
) {
	return mutate_cross(data1, size1, data2, size2, out, max_out_size, seed);
}
