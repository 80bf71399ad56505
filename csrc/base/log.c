// SPDX-License-Identifier: BSD-3-Clause

#define _GNU_SOURCE
#include "base/log.h"

#include "slb.h"

#include <rte_log.h>
#include <stdio.h>
#include <string.h>

static char first_line[SLB_TEXT_LEN];
static char last_line[SLB_TEXT_LEN];
static FILE *capture;
static FILE *console;

static ssize_t keep_line(void *, const char *text, size_t size) {
	const char *end = memchr(text, '\n', size);
	size_t len = end != NULL ? (size_t)(end - text) : size;

	if (len > 0)
		snprintf(last_line, sizeof(last_line), "%.*s", (int)len, text);
	if (first_line[0] == '\0')
		memcpy(first_line, last_line, sizeof(first_line));
	return (ssize_t)size;
}

const char *log_first_line(void) {
	return first_line;
}

const char *log_last_line(void) {
	return last_line;
}

void log_step(void) {
	first_line[0] = last_line[0] = '\0';
}

void log_capture_start(void) {
	cookie_io_functions_t io = {.write = keep_line};

	log_step();
	capture = fopencookie(NULL, "w", io);
	if (capture == NULL)
		return;
	setvbuf(capture, NULL, _IOLBF, BUFSIZ);
	rte_openlog_stream(capture);
	// EAL says its last words there directly. glibc's streams are variables for this very use.
	console = stderr;
	stderr = capture;
}

void log_capture_stop(void) {
	if (console != NULL)
		stderr = console;
	rte_openlog_stream(stderr);
	if (capture != NULL)
		fclose(capture);
	console = capture = NULL;
}
