// SPDX-License-Identifier: BSD-3-Clause
// While the engine opens, what EAL and the drivers log is held back: only their last line matters, as the reason in the
// sentence about a failure. Once open, their log goes to standard error.

#define _GNU_SOURCE
#include "engine/engine.h"

#include <rte_log.h>
#include <stdio.h>
#include <string.h>

static char last_line[SLB_TEXT_LEN];
static FILE *capture;

static ssize_t keep_line(void *, const char *text, size_t size) {
	size_t len = size;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len > 0)
		snprintf(last_line, sizeof(last_line), "%.*s", (int)len, text);
	return (ssize_t)size;
}

const char *log_last_line(void) {
	return last_line;
}

void log_capture_start(void) {
	cookie_io_functions_t io = {.write = keep_line};

	last_line[0] = '\0';
	capture = fopencookie(NULL, "w", io);
	if (capture == NULL)
		return;
	setvbuf(capture, NULL, _IOLBF, BUFSIZ);
	rte_openlog_stream(capture);
}

void log_capture_stop(void) {
	rte_openlog_stream(stderr);
	if (capture != NULL)
		fclose(capture);
	capture = NULL;
}
