/* SPDX-License-Identifier: MIT */
/* What selection reads: any text as a stat file and as a cgroup.procs is refused, or is ids. */
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_free_ pid_t *pids = NULL;
	struct process_thread thread = { 0 };
	size_t nr = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (!process_parse_stat(text, &thread) && strlen(thread.name) >= sizeof(thread.name))
		abort();
	cgroup_parse_procs(text, &pids, &nr);
	for (size_t i = 0; i < nr; i++)
		if (pids[i] <= 0)
			abort();
	return 0;
}
