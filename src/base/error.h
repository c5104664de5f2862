/* SPDX-License-Identifier: MIT */
/*
 * Filling in a struct mpol_error (mpol/mpol.h): what was attempted (step), on
 * what (object), why it failed (cause), what to do (advice).
 *
 * Every function takes NULL for err and then only passes the code through, so
 * callers never test for it.  Texts longer than their field are cut.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <mpol/mpol.h>

/*
 * Starts an error: the code (negative errno), the step (a system call or a
 * verb such as "read numa_maps") and the cause.  Clears object and advice.
 * Returns code.
 */
int error_set(struct mpol_error *err, int code, const char *step, const char *cause, ...)
	__attribute__((format(printf, 4, 5)));

/* Names what the step was done on. */
void error_on(struct mpol_error *err, const char *object, ...)
	__attribute__((format(printf, 2, 3)));

/* Says what the user can do about it. */
void error_advise(struct mpol_error *err, const char *advice, ...)
	__attribute__((format(printf, 2, 3)));

/* error_set with the words of strerror(3) for -code as the cause. */
int error_errno(struct mpol_error *err, int code, const char *step);

/* The name of a negative errno, such as "EINVAL"; "unknown" where it has none. */
const char *error_name(int code);

/* No error: all fields empty. */
void error_clear(struct mpol_error *err);

#endif
