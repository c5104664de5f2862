/* SPDX-License-Identifier: MIT */
/* Any text as /proc/PID/smaps: what is found is a range, and the end is reached. */
#include <stdlib.h>
#include <string.h>

#include "huge-advice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *cursor = text;
	uint64_t start, end;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while (huge_advice_next(&cursor, &start, &end))
		if (end <= start)
			abort();
	if (*cursor || cursor > text + size)
		abort();
	free(text);
	return 0;
}
