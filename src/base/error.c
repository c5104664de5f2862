/* SPDX-License-Identifier: MIT */
/* Errors as data: see error.h. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct mpol_error *err, int code, const char *step, const char *cause, ...)
{
	va_list args;

	if (!err)
		return code;

	error_clear(err);
	err->code = code;
	snprintf(err->step, sizeof(err->step), "%s", step);
	va_start(args, cause);
	vsnprintf(err->cause, sizeof(err->cause), cause, args);
	va_end(args);
	return code;
}

void error_on(struct mpol_error *err, const char *object, ...)
{
	va_list args;

	if (!err)
		return;

	va_start(args, object);
	vsnprintf(err->object, sizeof(err->object), object, args);
	va_end(args);
}

void error_advise(struct mpol_error *err, const char *advice, ...)
{
	va_list args;

	if (!err)
		return;

	va_start(args, advice);
	vsnprintf(err->advice, sizeof(err->advice), advice, args);
	va_end(args);
}

int error_errno(struct mpol_error *err, int code, const char *step)
{
	char words[128];

	return error_set(err, code, step, "%s", strerror_r(-code, words, sizeof(words)));
}

const char *error_name(int code)
{
	const char *name = strerrorname_np(-code);

	return name ? name : "unknown";
}

void error_clear(struct mpol_error *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
}
