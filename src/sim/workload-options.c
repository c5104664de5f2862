/* SPDX-License-Identifier: MIT */
/*
 * The text of a workload's options: read once, each value in the unit of its
 * kind and within the bounds of its row.  Pure: no allocation.
 */
#include "workload-options.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "units.h"
#include "workload.h"

#define VALUE_LENGTH_MAX 32

enum kind {
	KIND_BYTES,
	KIND_COUNT,
	KIND_SHARE,
	KIND_DECIMAL,
	KIND_TIME,
	KIND_CHOICE,
};

static const char *const kind_examples[] = {
	[KIND_BYTES] = "a size such as 8GiB",
	[KIND_COUNT] = "a whole number such as 12, 50k, 50M or 2G",
	[KIND_SHARE] = "a share such as 20%",
	[KIND_DECIMAL] = "a number such as 0.99",
	[KIND_TIME] = "a time such as 500ps or 10ns",
	[KIND_CHOICE] = "a word",
};

struct option_rule {
	const char *name;
	enum kind kind;
	uint64_t min, max;	    /* in the kind's unit; of choices, max is the last one */
	const char *const *choices; /* by value */
};

static const char *const scatter_choices[] = {
	[SCATTER_NONE] = "none",
	[SCATTER_BASE] = "base",
	[SCATTER_HUGE] = "huge",
};

static const char *const kernel_choices[] = {
	[KERNEL_ALL] = "all", [KERNEL_COPY] = "copy",	[KERNEL_SCALE] = "scale",
	[KERNEL_ADD] = "add", [KERNEL_TRIAD] = "triad",
};

static const struct option_rule rules[WORKLOAD_OPTIONS] = {
	[OPTION_SIZE] = { "size", KIND_BYTES, 1 << 20,
			  (uint64_t)WORKLOAD_PAGES_MAX *WORKLOAD_PAGE_BYTES },
	[OPTION_THREADS] = { "threads", KIND_COUNT, 1, 1024 },
	[OPTION_THINK] = { "think", KIND_TIME, 0, 1000000000 },
	[OPTION_OVERLAP] = { "overlap", KIND_DECIMAL, MILLION, 64 * MILLION },
	[OPTION_ACCESSES] = { "accesses", KIND_COUNT, 0, INT64_MAX },
	[OPTION_WRITES] = { "writes", KIND_SHARE, 0, MILLION },
	[OPTION_SCATTER] = { "scatter", KIND_CHOICE, 0, SCATTER_HUGE, scatter_choices },
	[OPTION_SHIFT] = { "shift", KIND_COUNT, 0, INT64_MAX },
	[OPTION_MOVES] = { "moves", KIND_SHARE, 0, MILLION },
	[OPTION_THETA] = { "theta", KIND_DECIMAL, 0, 4 * MILLION },
	[OPTION_HOT] = { "hot", KIND_SHARE, 0, MILLION },
	[OPTION_HITS] = { "hits", KIND_SHARE, 0, MILLION },
	[OPTION_SCAN] = { "scan", KIND_SHARE, 0, MILLION },
	[OPTION_LINES] = { "lines", KIND_COUNT, 1, 4096 },
	[OPTION_PERIOD] = { "period", KIND_COUNT, 1, INT64_MAX },
	[OPTION_SIGMA] = { "sigma", KIND_SHARE, 1000, MILLION },
	[OPTION_KERNEL] = { "kernel", KIND_CHOICE, 0, KERNEL_TRIAD, kernel_choices },
	[OPTION_DEGREE] = { "degree", KIND_COUNT, 1, 1024 },
	[OPTION_RECORD] = { "record", KIND_BYTES, 64, 65536 },
	[OPTION_LENGTH] = { "length", KIND_COUNT, 1, 1000 },
};

/* ---- Values -------------------------------------------------------------------- */

/* Digits, perhaps a point and at most six more, then what *ret_rest shows.  In millionths. */
static int read_millionths(const char *text, uint64_t *ret, const char **ret_rest)
{
	uint64_t value = 0;
	int decimals = -1;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text) || (*text == '.' && decimals < 0); text++) {
		if (decimals >= 0 && ++decimals > 6)
			return -EINVAL;
		if (*text == '.')
			decimals = 0;
		else if (__builtin_mul_overflow(value, 10, &value) ||
			 __builtin_add_overflow(value, *text - '0', &value))
			return -ERANGE;
	}
	if (!decimals)
		return -EINVAL;
	for (int i = decimals < 0 ? 0 : decimals; i < 6; i++)
		if (__builtin_mul_overflow(value, 10, &value))
			return -ERANGE;
	*ret = value;
	*ret_rest = text;
	return 0;
}

static int read_count(const char *text, uint64_t *ret)
{
	uint64_t value = 0, factor = 1;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return -ERANGE;
	switch (*text) {
	case 'k':
		factor = 1000;
		break;
	case 'M':
		factor = 1000000;
		break;
	case 'G':
		factor = 1000000000;
		break;
	}
	if (text[factor > 1])
		return -EINVAL;
	if (__builtin_mul_overflow(value, factor, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

static int read_share(const char *text, uint64_t *ret)
{
	const char *rest;
	uint64_t percent;
	int r = read_millionths(text, &percent, &rest);

	if (r < 0)
		return r;
	if (strcmp(rest, "%") != 0)
		return -EINVAL;
	*ret = percent / 100;
	return 0;
}

static int read_decimal(const char *text, uint64_t *ret)
{
	const char *rest;
	uint64_t value;
	int r = read_millionths(text, &value, &rest);

	if (r < 0)
		return r;
	if (*rest)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Into picoseconds; a unit that units.h does not have, as the time between accesses is short. */
static int read_time(const char *text, uint64_t *ret)
{
	const char *rest;
	uint64_t value;
	int r = read_millionths(text, &value, &rest);

	if (!r && !strcmp(rest, "ps")) {
		if (value % MILLION)
			return -EINVAL;
		*ret = value / MILLION;
		return 0;
	}
	if (!r && !strcmp(rest, "ns")) {
		*ret = value / 1000;
		return 0;
	}
	r = units_parse_duration(text, &value);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(value, 1000, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

static int read_choice(const struct option_rule *rule, const char *text, uint64_t *ret)
{
	for (uint64_t i = 0; i <= rule->max; i++) {
		if (!strcmp(text, rule->choices[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_value(const struct option_rule *rule, const char *text, uint64_t *ret)
{
	uint64_t value;
	int r = -EINVAL;

	switch (rule->kind) {
	case KIND_BYTES:
		r = units_parse_bytes(text, &value);
		break;
	case KIND_COUNT:
		r = read_count(text, &value);
		break;
	case KIND_SHARE:
		r = read_share(text, &value);
		break;
	case KIND_DECIMAL:
		r = read_decimal(text, &value);
		break;
	case KIND_TIME:
		r = read_time(text, &value);
		break;
	case KIND_CHOICE:
		r = read_choice(rule, text, &value);
		break;
	}
	if (r < 0)
		return r;
	if (value < rule->min || value > rule->max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* ---- Refusing -------------------------------------------------------------------- */

/* Appends to a buffer; what does not fit is cut. */
static void append(char *buffer, size_t size, const char *word)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s", word);
}

static void format_bound(enum kind kind, uint64_t value, char *buffer, size_t size)
{
	switch (kind) {
	case KIND_BYTES:
		units_format_bytes(value, buffer, size);
		break;
	case KIND_SHARE:
		snprintf(buffer, size, "%g%%", (double)value / (MILLION / 100));
		break;
	case KIND_DECIMAL:
		snprintf(buffer, size, "%g", (double)value / MILLION);
		break;
	case KIND_TIME:
		units_format_duration(value / 1000, buffer, size);
		break;
	case KIND_COUNT:
	case KIND_CHOICE:
		snprintf(buffer, size, "%llu", (unsigned long long)value);
		break;
	}
}

/* Says what would be right. */
static void advise_value(const struct option_rule *rule, struct mpol_error *err)
{
	char choices[128] = "", min[32], max[32];

	if (rule->kind == KIND_CHOICE) {
		for (uint64_t i = 0; i <= rule->max; i++) {
			append(choices, sizeof(choices), i ? ", " : "");
			append(choices, sizeof(choices), rule->choices[i]);
		}
		error_advise(err, "%s is one of %s", rule->name, choices);
		return;
	}
	format_bound(rule->kind, rule->min, min, sizeof(min));
	format_bound(rule->kind, rule->max, max, sizeof(max));
	error_advise(err, "%s is %s, from %s to %s", rule->name, kind_examples[rule->kind], min,
		     max);
}

static int refuse_option(const char *name, int length, const char *workload,
			 const struct workload_default *takes, struct mpol_error *err)
{
	char names[256] = "";

	error_set(err, -EINVAL, "read workload", "%s has no option \"%.*s\"", workload,
		  length < 40 ? length : 40, name);
	for (const struct workload_default *take = takes; take->value; take++) {
		append(names, sizeof(names), take == takes ? "" : ", ");
		append(names, sizeof(names), rules[take->option].name);
	}
	error_advise(err, "options of %s: %s", workload, names);
	return -EINVAL;
}

static int refuse_value(const struct option_rule *rule, const char *value, int code,
			struct mpol_error *err)
{
	error_set(err, code, "read workload", "%s=%.*s: %s", rule->name, VALUE_LENGTH_MAX, value,
		  code == -ERANGE ? "out of bounds" : "no such value");
	advise_value(rule, err);
	return code;
}

/* ---- The list -------------------------------------------------------------------- */

struct values {
	uint64_t *values; /* by option */
	uint64_t given;	  /* a bit for each option read */
	struct mpol_error *err;
};

static const struct workload_default *find(const char *name, size_t length,
					   const struct workload_default *takes)
{
	for (; takes->value; takes++)
		if (strlen(rules[takes->option].name) == length &&
		    !strncmp(name, rules[takes->option].name, length))
			return takes;
	return NULL;
}

/* One "NAME=VALUE" of this length. */
static int read_option(const char *text, size_t length, const char *workload,
		       const struct workload_default *takes, struct values *values)
{
	size_t name_length = strcspn(text, "=");
	const struct workload_default *take;
	const struct option_rule *rule;
	char value[VALUE_LENGTH_MAX + 1] = "";
	int r;

	if (name_length > length)
		name_length = length;
	take = find(text, name_length, takes);
	if (!take)
		return refuse_option(text, (int)name_length, workload, takes, values->err);
	rule = &rules[take->option];
	if (values->given & 1ULL << take->option) {
		error_set(values->err, -EINVAL, "read workload", "%s is given twice", rule->name);
		error_advise(values->err, "leave one of them out");
		return -EINVAL;
	}
	values->given |= 1ULL << take->option;
	if (name_length < length)
		snprintf(value, sizeof(value), "%.*s", (int)(length - name_length - 1),
			 text + name_length + 1);
	r = length - name_length > sizeof(value)
		    ? -EINVAL
		    : read_value(rule, value, &values->values[take->option]);
	return r < 0 ? refuse_value(rule, value, r, values->err) : 0;
}

int workload_options_read(const char *text, const char *workload,
			  const struct workload_default *takes, uint64_t *values,
			  struct mpol_error *err)
{
	struct values state = { .values = values, .err = err };

	for (const struct workload_default *take = takes; take->value; take++) {
		int r = read_value(&rules[take->option], take->value, &values[take->option]);

		if (r < 0)
			return refuse_value(&rules[take->option], take->value, r, err);
	}
	while (*text) {
		size_t length = strcspn(text, ",");
		int r = read_option(text, length, workload, takes, &state);

		if (r < 0)
			return r;
		text += length;
		if (*text == ',' && !*++text) {
			error_set(err, -EINVAL, "read workload", "a comma without an option");
			error_advise(err, "leave out the last comma");
			return -EINVAL;
		}
	}
	return 0;
}
