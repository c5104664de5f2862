/* SPDX-License-Identifier: MIT */
/* Numbers with units: see units.h. */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit byte_units[] = {
	{ "B", 1 },
	{ "KiB", 1ULL << 10 },
	{ "MiB", 1ULL << 20 },
	{ "GiB", 1ULL << 30 },
	{ "TiB", 1ULL << 40 },
	{ "PiB", 1ULL << 50 },
	{ "kB", 1000ULL },
	{ "MB", 1000000ULL },
	{ "GB", 1000000000ULL },
	{ "TB", 1000000000000ULL },
	{ NULL, 0 },
};

static const struct unit bandwidth_units[] = {
	{ "B/s", 1 },
	{ "kB/s", 1000ULL },
	{ "MB/s", 1000000ULL },
	{ "GB/s", 1000000000ULL },
	{ "TB/s", 1000000000000ULL },
	{ "KiB/s", 1ULL << 10 },
	{ "MiB/s", 1ULL << 20 },
	{ "GiB/s", 1ULL << 30 },
	{ "TiB/s", 1ULL << 40 },
	{ NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000ULL },
	{ "ms", 1000000ULL },
	{ "s", 1000000000ULL },
	{ "min", 60000000000ULL },
	{ "h", 3600000000000ULL },
	{ NULL, 0 },
};

/* Reads "digits[.digits][space]unit"; a fraction's digits after the ninth are dropped. */
static int parse(const char *text, const struct unit *units, uint64_t bare_factor, uint64_t *ret)
{
	uint64_t whole = 0, factor = 0, numerator = 0, denominator = 1, value;
	bool fraction = false;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *text - '0', &whole))
			return -ERANGE;
	}
	if (*text == '.') {
		fraction = true;
		if (!isdigit((unsigned char)*++text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			if (denominator == 1000000000)
				continue;
			numerator = numerator * 10 + (*text - '0');
			denominator *= 10;
		}
	}
	if (*text == ' ')
		text++;

	if (!*text)
		factor = whole || fraction ? bare_factor : 1;
	for (const struct unit *unit = units; !factor && unit->name; unit++)
		if (!strcmp(text, unit->name))
			factor = unit->factor;
	if (!factor || (fraction && factor == 1))
		return -EINVAL;

	if (__builtin_mul_overflow(whole, factor, &value) ||
	    __builtin_add_overflow(value, (unsigned __int128)numerator * factor / denominator,
				   &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

int units_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	return parse(text, byte_units, 1, ret_bytes);
}

int units_parse_bandwidth(const char *text, uint64_t *ret_bytes_per_second)
{
	return parse(text, bandwidth_units, 0, ret_bytes_per_second);
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	return parse(text, duration_units, 0, ret_ns);
}

/* Picks the largest of the first count units (ascending) that leaves a number >= 1. */
static char *format(uint64_t value, const struct unit *units, size_t count, char *buffer,
		    size_t size)
{
	const struct unit *unit = units;
	double number;
	int decimals;

	for (size_t i = 1; i < count; i++)
		if (value >= units[i].factor)
			unit = &units[i];
	number = (double)value / unit->factor;
	decimals = unit == units || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
	snprintf(buffer, size, "%.*f %s", decimals, number, unit->name);
	return buffer;
}

char *units_format_bytes(uint64_t bytes, char *buffer, size_t size)
{
	return format(bytes, byte_units, 6, buffer, size);
}

char *units_format_bandwidth(uint64_t bytes_per_second, char *buffer, size_t size)
{
	return format(bytes_per_second, bandwidth_units, 5, buffer, size);
}

char *units_format_duration(uint64_t ns, char *buffer, size_t size)
{
	return format(ns, duration_units, 4, buffer, size);
}
