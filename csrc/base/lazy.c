// SPDX-License-Identifier: BSD-3-Clause

#include "base/lazy.h"

#include <stddef.h>
#include <sys/mman.h>

void *lazy_new(uint64_t bytes) {
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

void lazy_free(void *memory, uint64_t bytes) {
	if (memory != NULL)
		munmap(memory, bytes);
}
