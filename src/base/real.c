/* SPDX-License-Identifier: MIT */
/* Exponentials and logarithms as power series: see real.h. */
#include "real.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0 && DBL_MANT_DIG == 53,
	       "doubles must be computed as doubles: the same everywhere");

/* The first 32 bits of ln 2, so that a small integer times this is exact; and the rest. */
static const double ln2_high = 0.69314718036912381649;
static const double ln2_low = 1.9082149292705877000e-10;

static double from_bits(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static uint64_t to_bits(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

double real_log(double x)
{
	uint64_t bits = to_bits(x);
	int exponent = (int)(bits >> 52) - 1023;
	double mantissa = from_bits((bits & 0xfffffffffffff) | 1023ULL << 52);
	double t, square, sum = 0;

	/* To between sqrt(1/2) and sqrt(2), where the series is short. */
	if (mantissa > 1.4142135623730951) {
		mantissa /= 2;
		exponent++;
	}
	t = (mantissa - 1) / (mantissa + 1);
	square = t * t;
	for (int n = 25; n >= 1; n -= 2)
		sum = sum * square + 1.0 / n;
	return exponent * ln2_high + (exponent * ln2_low + 2 * t * sum);
}

double real_exp(double x)
{
	double power = x / REAL_LN2, rest, sum = 1;
	int exponent;

	if (power < -1021)
		return 0;
	exponent = (int)(power < 0 ? power - 0.5 : power + 0.5);
	rest = (x - exponent * ln2_high) - exponent * ln2_low;
	for (int n = 18; n >= 1; n--)
		sum = 1 + sum * rest / n;
	return sum * from_bits((uint64_t)(exponent + 1023) << 52);
}

double real_power(double x, double y)
{
	return real_exp(y * real_log(x));
}
