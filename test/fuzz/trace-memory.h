/* SPDX-License-Identifier: MIT */
/* A trace that is only in memory, for readers that open files. */
#ifndef TEST_FUZZ_TRACE_MEMORY_H
#define TEST_FUZZ_TRACE_MEMORY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "trace.h"

/*
 * Reads all of it: refused with a cause, or records that trace.h allows.  Aborts
 * otherwise.  Returns how many records there were, or negative errno.
 */
static long read_in_memory(const void *bytes, size_t size, const char *format)
{
	static int fd = -1;
	static char path[64];
	struct trace_record records[64];
	struct trace_reader *reader;
	struct mpol_error err = { 0 };
	size_t nr = 0;
	long total = 0;
	int r;

	if (fd < 0) {
		fd = memfd_create("trace", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		abort();
	r = trace_open(path, format, &reader, &err);
	if (r < 0) {
		if ((r != -EBADMSG && r != -EINVAL) || !err.cause[0])
			abort();
		return r;
	}
	do {
		r = trace_next(reader, records, 64, &nr, &err);
		for (size_t i = 0; r == 0 && i < nr; i++) {
			if (!records[i].nr_pages || !records[i].count ||
			    records[i].page + (records[i].nr_pages - 1) < records[i].page ||
			    records[i].flags & ~(TRACE_WRITE | TRACE_MARK))
				abort();
		}
		total += r == 0 ? nr : 0;
	} while (r == 0 && nr);
	if (r < 0 && (r != -EBADMSG || !err.cause[0] || !strstr(err.object, path)))
		abort();
	trace_close(reader);
	return r < 0 ? r : total;
}

#endif
