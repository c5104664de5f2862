/* SPDX-License-Identifier: MIT */
/* Any text: either refused with an error, or a workload whose accesses stay within its pages. */
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	const struct workload_info *info;
	struct workload *workload;
	struct mpol_error err;
	uint32_t accesses[3000];
	size_t nr;

	if (!text)
		return 0;
	if (workload_new(text, 1, &workload, &err) < 0) {
		if (!err.code || !err.cause[0])
			abort();
		return 0;
	}
	info = workload_info(workload);
	nr = workload_fill(workload, info->nr_threads - 1, accesses, 3000);
	for (size_t i = 0; i < nr; i++)
		if ((accesses[i] & ~ACCESS_WRITE) >= info->nr_pages)
			abort();
	workload_free(workload);
	return 0;
}
