// SPDX-License-Identifier: BSD-3-Clause
// While the engine opens, what EAL and the drivers log is held back: only one line of it matters, as the reason in the
// sentence about a failure; and while its ports close, none does. In between their log goes to standard error. For one thread.
#pragma once

void log_capture_start(void);
void log_capture_stop(void);

// Forgets what was logged, before a step that may fail.
void log_step(void);

// What was logged since; "" when nothing was. The first line of a step that fails is its cause; what the layers above make of
// it follows, down to EAL's last words before it gives up.
const char *log_first_line(void);
const char *log_last_line(void);
