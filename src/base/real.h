/* SPDX-License-Identifier: MIT */
/*
 * Exponentials and logarithms that are the same everywhere: made of + - * /,
 * which IEEE 754 rounds in one way only.  The C library's differ from one
 * machine to the next.  Not for hot paths; right to about 1e-14.
 */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#define REAL_LN2 0.69314718055994530942

/* x: normal and above 0. */
double real_log(double x);

/* 0 where the result would be below the normal numbers.  x: at most 700. */
double real_exp(double x);

/* x to the power of y.  x: normal and above 0. */
double real_power(double x, double y);

#endif
