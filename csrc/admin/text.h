// SPDX-License-Identifier: BSD-3-Clause
// Names of things in refusals.
#pragma once

#include "slb.h"

enum { ENDPOINT_TEXT = 64, ADDRESS_TEXT = 46 };

// "198.18.0.1"; returns buf.
const char *address_text(const struct slb_address *a, char buf[ADDRESS_TEXT]);

// "10.96.0.10:80/tcp", or without the protocol when it is 0; returns buf.
const char *endpoint_text(const struct slb_endpoint *e, char buf[ENDPOINT_TEXT]);

// Fills *refused in and returns -code.
int refuse(struct slb_refused *refused, int code, enum slb_refusal reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
