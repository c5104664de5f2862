/* SPDX-License-Identifier: MIT */
/* Traces as workloads: the same accesses, in their order, on pages that lie together. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "trace.h"
#include "workload.h"

static char path[64];

static int make_path(void **state)
{
	(void)state;
	strcpy(path, "/tmp/mpol-trace-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_trace(enum trace_kind kind, const struct trace_record *records, size_t nr)
{
	struct mpol_error error = { 0 };
	struct trace_writer *writer;

	if (trace_writer_new(path, kind, 4096, "test", &writer, &error) < 0 ||
	    trace_write(writer, records, nr, &error) < 0 || trace_writer_finish(writer, &error) < 0)
		fail_msg("%s: %s", error.step, error.cause);
}

static struct workload *opened(void)
{
	struct mpol_error error = { 0 };
	struct workload *workload;

	if (workload_from_trace(path, 1, &workload, &error) < 0)
		fail_msg("%s: %s", error.step, error.cause);
	return workload;
}

/* Two threads far apart in the address space; pages 100-101 and 5000. */
static void test_accesses(void **state)
{
	const struct trace_record records[] = {
		{ .time_ns = 0, .page = 5000, .nr_pages = 1, .count = 1, .thread = 7 },
		{ .time_ns = 10, .page = 100, .nr_pages = 2, .count = 2, .thread = 9 },
		{ .time_ns = 20,
		  .page = 101,
		  .nr_pages = 1,
		  .count = 1,
		  .thread = 9,
		  .flags = TRACE_WRITE },
		{ .time_ns = 30, .page = 100, .nr_pages = 1, .count = 1, .thread = 7 },
	};
	struct workload *workload, *clone;
	uint32_t accesses[8];

	(void)state;
	write_trace(TRACE_ACCESSES, records, 4);
	workload = opened();
	assert_int_equal(workload_info(workload)->nr_pages, 3);
	assert_int_equal(workload_info(workload)->nr_threads, 2);
	/* 30 ns for five accesses by two threads. */
	assert_int_equal(workload_info(workload)->think_ps, 12000);
	clone = workload_clone(workload);
	for (int i = 0; i < 2; i++) {
		struct workload *one = i ? clone : workload;

		assert_int_equal(workload_fill(one, 0, accesses, 8), 2);
		assert_int_equal(accesses[0], 2);
		assert_int_equal(accesses[1], 0);
		assert_int_equal(workload_fill(one, 1, accesses, 2), 2);
		assert_int_equal(accesses[0], 0);
		assert_int_equal(accesses[1], 1);
		assert_int_equal(workload_fill(one, 1, accesses, 8), 1);
		assert_int_equal(accesses[0], 1 | ACCESS_WRITE);
		assert_int_equal(workload_fill(one, 1, accesses, 8), 0);
	}
	workload_free(workload);
	workload_free(clone);
}

/* Within an interval in any order, but all of them, and none of the next. */
static void test_counts(void **state)
{
	const struct trace_record records[] = {
		{ .page = 0, .nr_pages = 1, .count = 3000 },
		{ .page = 1, .nr_pages = 4, .count = 4000 },
		{ .time_ns = 1000, .nr_pages = 1, .count = 1, .flags = TRACE_MARK },
		{ .time_ns = 1000, .page = 3, .nr_pages = 1, .count = 500 },
		{ .time_ns = 2000, .nr_pages = 1, .count = 1, .flags = TRACE_MARK },
	};
	unsigned counts[5] = { 0 }, changes = 0;
	struct workload *workload;
	uint32_t accesses[8000];

	(void)state;
	write_trace(TRACE_COUNTS, records, 5);
	workload = opened();
	assert_int_equal(workload_fill(workload, 0, accesses, 8000), 7500);
	for (unsigned i = 0; i < 7000; i++) {
		counts[accesses[i]]++;
		changes += i && accesses[i] != accesses[i - 1];
	}
	assert_int_equal(counts[0], 3000);
	for (int i = 1; i < 5; i++)
		assert_int_equal(counts[i], 1000);
	assert_true(changes > 4000);
	for (unsigned i = 7000; i < 7500; i++)
		assert_int_equal(accesses[i], 3);
	workload_free(workload);
}

static void test_refusals(void **state)
{
	const struct trace_record none = {
		.nr_pages = 1, .count = 1, .flags = TRACE_MARK, .time_ns = 5
	};
	const struct trace_record many = { .nr_pages = 1, .count = 1ULL << 40 };
	const struct trace_record wide = { .nr_pages = 1ULL << 40, .count = 1 };
	struct mpol_error error = { 0 };
	struct workload *workload = NULL;

	(void)state;
	write_trace(TRACE_COUNTS, &none, 1);
	assert_int_equal(workload_from_trace(path, 1, &workload, &error), -EINVAL);
	assert_non_null(strstr(error.cause, "no access"));
	write_trace(TRACE_ACCESSES, &many, 1);
	assert_int_equal(workload_from_trace(path, 1, &workload, &error), -EFBIG);
	write_trace(TRACE_ACCESSES, &wide, 1);
	assert_int_equal(workload_from_trace(path, 1, &workload, &error), -EFBIG);
	assert_int_equal(truncate(path, 40), 0);
	assert_int_equal(workload_from_trace(path, 1, &workload, &error), -EBADMSG);
	assert_string_equal(error.object, path);
	assert_null(workload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accesses, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_counts, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_refusals, make_path, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
