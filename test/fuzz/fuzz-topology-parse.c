/* SPDX-License-Identifier: MIT */
/* Any text as each of a node's files: refused with results untouched, or within bounds. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "topology-internal.h"

#define NR 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void distances(const char *text)
{
	static const uint8_t untouched[NR];
	uint8_t result[NR + 1] = { 0 };

	if (topology_parse_distances(text, NR, result) < 0) {
		if (memcmp(result, untouched, NR))
			abort();
	} else if (memchr(result, 0, NR)) {
		abort();
	}
	if (result[NR])
		abort();
}

static void meminfo(const char *text)
{
	uint64_t total = 1, free_bytes = 1; /* not what any number of kB gives */

	if (topology_parse_meminfo(text, 3, &total, &free_bytes) < 0) {
		if (total != 1 || free_bytes != 1)
			abort();
	} else if (total % 1024 || free_bytes % 1024) {
		abort();
	}
}

static void names(const char *text)
{
	size_t length = SIZE_MAX;
	uint64_t number = 1000;

	if (topology_parse_cpulist(text, &length) == 0 && length > strlen(text))
		abort();
	if (topology_parse_name(text, "node", 999, &number) && number > 999)
		abort();
	topology_dax_kind(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	distances(text);
	meminfo(text);
	names(text);
	return 0;
}
