// SPDX-License-Identifier: BSD-3-Clause
// Builds what workers read: one copy a worker, on its NUMA node, never changed once handed over.
#pragma once

#include "admin/admin.h"

// All return NULL when memory is short.
struct vs *build_vs(const struct admin_vs *vs, uint32_t rs_max, int socket);
struct vs_index *build_vs_index(const struct admin *a, int socket);
struct fwd *build_fwd(const struct admin *a, int socket);
struct owner_map *build_owners(const struct admin *a, int socket);
struct laddr_set *build_laddr_set(const struct admin *a, uint16_t worker, int socket);

void build_free(const void *object);
