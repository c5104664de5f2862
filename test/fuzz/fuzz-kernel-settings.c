/* SPDX-License-Identifier: MIT */
/* Any record of a change of the kernel's: refused, or the same when it is written and read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "kernel-settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	struct kernel_change_record record, again;
	char written[1024];

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (kernel_change_parse(text, &record) < 0)
		return 0;
	snprintf(written, sizeof(written), "%s %d %llu %s %s %s\n", record.kind, record.holder,
		 (unsigned long long)record.holder_start_ticks, record.words[0], record.words[1],
		 record.words[2]);
	if (kernel_change_parse(written, &again) < 0 || strcmp(again.kind, record.kind) != 0 ||
	    again.holder != record.holder || again.holder_start_ticks != record.holder_start_ticks)
		abort();
	for (int i = 0; i < 3; i++)
		if (strcmp(again.words[i], record.words[i]) != 0)
			abort();
	return 0;
}
