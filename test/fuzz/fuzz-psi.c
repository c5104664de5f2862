/* SPDX-License-Identifier: MIT */
/* Any text as a file of PSI and as /proc/PID/cgroup: what is taken is within bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "psi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint32_t permyriad = UINT32_MAX;
	const char *path;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	r = psi_parse_full(text, &permyriad);
	if (r == 0 ? permyriad > 10000 : r != -EBADMSG || permyriad != UINT32_MAX)
		abort();
	path = cgroup_parse_own(text);
	if (path && (path < text + 3 || path > text + size || strchr(path, '\n')))
		abort();
	free(text);
	return 0;
}
