/* SPDX-License-Identifier: MIT */
/* Any text: either refused with an error, or ascending parts of this process's mappings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Taken once: what the words are looked up in. */
static const struct mpol_process *picture(void)
{
	static struct mpol_process *process;

	if (!process && mpol_process_new(NULL, getpid(), MPOL_PROCESS_VMAS, &process, NULL) < 0)
		abort();
	return process;
}

static void check_ranges(const struct iovec *ranges, size_t nr)
{
	const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = 0;

	for (size_t i = 0; i < nr; i++) {
		const uintptr_t start = (uintptr_t)ranges[i].iov_base;

		if (start < at || !ranges[i].iov_len || (start | ranges[i].iov_len) % page_bytes)
			abort();
		at = start + ranges[i].iov_len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_free_ struct iovec *ranges = NULL;
	struct mpol_error error = { 0 };
	size_t nr = 0;
	int form, r;

	if (!text)
		return 0;
	form = mpol_ranges_check(text, &error);
	if (form < 0 && (!error.code || !error.cause[0] || !error.advice[0]))
		abort();
	r = mpol_process_ranges(picture(), text, &ranges, &nr, &error);
	if ((form < 0) != (r == -EINVAL))
		abort();
	if (r == 0)
		check_ranges(ranges, nr);
	return 0;
}
