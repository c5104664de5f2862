/* SPDX-License-Identifier: MIT */
/* Any lines as commands of the ground truth: each answered by one line, no other harm. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "control.h"
#include "gate.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	static FILE *out;
	char *rest = text, *line;

	if (!out) {
		out = fopen("/dev/null", "we");
		if (!out || gate_set_up() < 0)
			abort();
		session_set_up(out);
	}
	while (text && (line = strsep(&rest, "\n"))) {
		struct text reply = { 0 };

		control_execute(line, &reply);
		if (!reply.error && strchr(reply.data, '\n') != reply.data + reply.length - 1)
			abort();
		text_free(&reply);
	}
	session_stop(0);
	return 0;
}
