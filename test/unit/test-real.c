/* SPDX-License-Identifier: MIT */
/* Exponentials and logarithms against the C library's, and a few bit by bit. */
#include "cmocka-all.h"

#include <math.h>
#include <string.h>

#include "real.h"

static void assert_near(double ours, double libms)
{
	if (fabs(ours - libms) > 1e-13 * fabs(libms) + 1e-300)
		fail_msg("%.17g, should be %.17g", ours, libms);
}

static void test_against_libm(void **state)
{
	(void)state;
	for (double x = 1e-9; x < 1e12; x *= 1.37) {
		if (fabs(x - 1) > 0.01)
			assert_near(real_log(x), log(x));
		for (double y = -4; y <= 4; y += 0.37)
			assert_near(real_power(x, y), pow(x, y));
	}
	for (double x = -700; x <= 700; x += 0.71)
		assert_near(real_exp(x), exp(x));
}

static void test_exact(void **state)
{
	(void)state;
	assert_true(real_log(1) == 0);
	assert_true(real_exp(0) == 1);
	assert_true(real_power(7.5, 0) == 1);
	assert_true(real_exp(-100000) == 0);
}

/* What any machine must give: the tables of the generators are made of these. */
static void test_same_bits_everywhere(void **state)
{
	const double results[] = { real_log(3), real_exp(-1.25), real_power(4096.5, -0.99) };
	const uint64_t expected[] = { 0x3ff193ea7aad030b, 0x3fd25618372a584f, 0x3f3162ba66a0c5a7 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint64_t bits;

		memcpy(&bits, &results[i], sizeof(bits));
		if (bits != expected[i])
			fail_msg("result %d has the bits %#llx", i, (unsigned long long)bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_libm),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_same_bits_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
