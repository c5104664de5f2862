/* SPDX-License-Identifier: MIT */
/* What hint faults tell of pages: steps by delay, and how long they hold. */
#include "cmocka-all.h"

#include <string.h>

#include "hint-delays.h"

#define PAGE  4096ULL
#define MS    1000000ULL
#define START (1ULL << 40)
#define END   (START + 1024 * PAGE)

static uint64_t bits[16];

/* How many pages of the 1024 are of that step or a lower one. */
static unsigned count(const struct hint_delays *delays, unsigned step)
{
	unsigned nr = 0;

	memset(bits, 0, sizeof(bits));
	hint_delays_read(delays, START, END, step, bits);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		nr += (unsigned)__builtin_popcountll(bits[i]);
	return nr;
}

static void test_steps(void **state)
{
	static const uint64_t delays_ms[] = { 0, 4, 5, 16, 17, 64, 1024, 1025, 1000000 };
	static const unsigned steps[] = { 1, 1, 2, 2, 3, 3, 5, 6, HINT_DELAYS_STEPS };
	struct hint_delays *delays = hint_delays_new();

	(void)state;
	hint_delays_unmap(delays, START, END, 1000 * MS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const unsigned before = count(delays, steps[i]);

		assert_int_equal(
			hint_delays_access(delays, START + i * PAGE, 1, (1000 + delays_ms[i]) * MS),
			0);
		assert_int_equal(count(delays, steps[i]), before + 1);
		assert_true(bits[0] >> i & 1);
		assert_false((memset(bits, 0, sizeof(bits)),
			      hint_delays_read(delays, START, END, steps[i] - 1, bits),
			      bits[0] >> i & 1));
	}
	hint_delays_free(delays);
}

/* Known for the sweep that follows; forgotten where that goes by without an access. */
static void test_sweeps(void **state)
{
	struct hint_delays *delays = hint_delays_new();

	(void)state;
	hint_delays_unmap(delays, START, END, 0);
	hint_delays_access(delays, START, 1, MS);
	hint_delays_access(delays, START + PAGE, 1, MS);
	hint_delays_unmap(delays, START, END, 1000 * MS);
	assert_int_equal(count(delays, 1), 2);
	hint_delays_access(delays, START, 1, 1100 * MS);
	assert_int_equal(count(delays, 1), 1);
	assert_int_equal(count(delays, 4), 2);
	hint_delays_unmap(delays, START, END, 2000 * MS);
	assert_int_equal(count(delays, HINT_DELAYS_STEPS), 1);
	hint_delays_unmap(delays, START + 4 * PAGE, END, 3000 * MS); /* not the page */
	assert_int_equal(count(delays, HINT_DELAYS_STEPS), 1);
	hint_delays_unmap(delays, START, START + PAGE, 4000 * MS);
	assert_int_equal(count(delays, HINT_DELAYS_STEPS), 0);
	hint_delays_free(delays);
}

static void test_ranges(void **state)
{
	struct hint_delays *delays = hint_delays_new();

	(void)state;
	hint_delays_access(delays, START, 1, MS); /* when was it unmapped? */
	assert_int_equal(count(delays, HINT_DELAYS_STEPS), 0);
	hint_delays_unmap(delays, START, START + 512 * PAGE, 10 * MS);
	hint_delays_unmap(delays, START + 512 * PAGE, END, 1000 * MS);
	hint_delays_access(delays, START, 512, 11 * MS);
	hint_delays_access(delays, START + 600 * PAGE, 1, 11 * MS); /* from before it */
	assert_int_equal(count(delays, 1), 512);
	hint_delays_access(delays, START + 1020 * PAGE, 512, 1001 * MS); /* to its 2 MiB's end */
	assert_int_equal(count(delays, 1), 516);
	assert_int_equal(bits[15] >> 60, 15);
	/* A part of what is known, from within a word. */
	memset(bits, 0, sizeof(bits));
	hint_delays_read(delays, START + 508 * PAGE, START + 520 * PAGE, 1, bits);
	assert_int_equal(bits[0], 15);
	/* Blocks that come in another order. */
	hint_delays_unmap(delays, START - 4096 * PAGE, START, 2000 * MS);
	hint_delays_access(delays, START - PAGE, 1, 2001 * MS);
	hint_delays_access(delays, START - 4096 * PAGE, 1, 2001 * MS);
	memset(bits, 0, sizeof(bits));
	hint_delays_read(delays, START - 2 * PAGE, START + PAGE, 1, bits);
	assert_int_equal(bits[0], 6);
	hint_delays_free(delays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_sweeps),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
