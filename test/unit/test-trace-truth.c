/* SPDX-License-Identifier: MIT */
/* What the plugin's own journal writes is read as what was counted. */
#include "trace-files.h"

#include "journal.h"
#include "pages.h"
#include "random.h"

#define NR_PAGES 500

static void test_journal_is_read(void **state)
{
	static struct trace_record expected[2 * NR_PAGES + 1], got[2 * NR_PAGES + 64];
	struct nodemap map = { .nr = 1, .parts = { { 0, 0, 1u << 30 } } };
	struct interval interval = { .number = 3, .start_guest_ns = 100, .end_guest_ns = 350 };
	const struct rules by_page = { .by_page = true };
	struct mpol_error err;
	struct random random;
	size_t nr_expected = 0, nr;
	FILE *file = fopen(trace_path, "w");

	(void)state;
	assert_non_null(file);
	random_seed(&random, 1, 0);
	interval.pages = pages_new();
	for (uint64_t vpn = 5; vpn < 5 + 7 * NR_PAGES; vpn += 7) {
		struct page_count count = { vpn, random_below(&random, 3), random_below(&random, 3),
					    vpn % 2 ? 0 : CELL_ELSEWHERE };

		if (!count.loads && !count.stores)
			continue;
		pages_add(interval.pages, &count);
		if (count.loads)
			expected[nr_expected++] =
				(struct trace_record) { 100, vpn, 1, count.loads, 0, 0 };
		if (count.stores)
			expected[nr_expected++] =
				(struct trace_record) { 100, vpn, 1, count.stores, 0, TRACE_WRITE };
	}
	expected[nr_expected++] = (struct trace_record) { 350, 0, 1, 1, 0, TRACE_MARK };
	journal_calibrated(file, &map, 1, 2);
	journal_start(file, &by_page, 7, 3, 100);
	journal_interval(file, &interval, &map);
	journal_mark(file, "here", 4, 5, 360);
	journal_stop(file, 6, 400);
	assert_int_equal(fclose(file), 0);
	pages_free(interval.pages);

	assert_int_equal(read_records(NULL, 64, got, 2 * NR_PAGES + 64, &nr, &err), 0);
	assert_int_equal(nr, nr_expected);
	assert_records(got, expected, nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_journal_is_read, make_trace_directory,
						remove_trace_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
