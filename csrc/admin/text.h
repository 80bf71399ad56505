// SPDX-License-Identifier: BSD-3-Clause
// Names of things in refusals.
#pragma once

#include "slb.h"

enum { ENDPOINT_TEXT = 64 };

// "10.96.0.10:80/tcp", or without the protocol when it is 0; returns buf.
const char *endpoint_text(const struct slb_endpoint *e, char buf[ENDPOINT_TEXT]);

// Fills *refused in and returns -code.
int refuse(struct slb_refused *refused, int code, enum slb_refusal reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
