/* SPDX-License-Identifier: MIT */
/* For tests of traces: a folder with one file, and whole traces in memory. */
#ifndef TEST_UNIT_TRACE_FILES_H
#define TEST_UNIT_TRACE_FILES_H

#include "cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "trace.h"

static char trace_directory[64];
static char trace_path[128];

static inline int make_trace_directory(void **state)
{
	(void)state;
	snprintf(trace_directory, sizeof(trace_directory), "/tmp/test-trace.XXXXXX");
	if (!mkdtemp(trace_directory))
		return -1;
	snprintf(trace_path, sizeof(trace_path), "%s/trace", trace_directory);
	return 0;
}

/* Fails where a test left anything but its trace. */
static inline int remove_trace_directory(void **state)
{
	(void)state;
	unlink(trace_path);
	return rmdir(trace_directory);
}

static inline void put_file(const void *bytes, size_t length)
{
	FILE *file = fopen(trace_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static inline void put_text(const char *text)
{
	put_file(text, strlen(text));
}

/* The file's bytes; free them. */
static inline unsigned char *get_file(size_t *ret_length)
{
	FILE *file = fopen(trace_path, "r");
	unsigned char *bytes;
	long length;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	bytes = malloc(length + 1);
	assert_non_null(bytes);
	rewind(file);
	assert_int_equal(fread(bytes, 1, length, file), length);
	fclose(file);
	*ret_length = length;
	return bytes;
}

/*
 * The trace's records, at most max of them, in batches of batch.  Returns 0 or the
 * first failure; *ret_nr tells how many came before it either way.
 */
static inline int read_records(const char *format, size_t batch, struct trace_record *records,
			       size_t max, size_t *ret_nr, struct mpol_error *err)
{
	struct trace_reader *reader = NULL;
	size_t nr = 1;
	int r = trace_open(trace_path, format, &reader, err);

	*ret_nr = 0;
	while (r == 0 && nr) {
		assert_true(*ret_nr + batch <= max);
		r = trace_next(reader, records + *ret_nr, batch, &nr, err);
		*ret_nr += r == 0 ? nr : 0;
	}
	trace_close(reader);
	return r;
}

static inline void assert_records(const struct trace_record *records,
				  const struct trace_record *expected, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(records[i].time_ns, expected[i].time_ns);
		assert_int_equal(records[i].page, expected[i].page);
		assert_int_equal(records[i].nr_pages, expected[i].nr_pages);
		assert_int_equal(records[i].count, expected[i].count);
		assert_int_equal(records[i].thread, expected[i].thread);
		assert_int_equal(records[i].flags, expected[i].flags);
	}
}

#endif
