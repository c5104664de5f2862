/* SPDX-License-Identifier: MIT */
/* Sets of nodes: see nodemask.h. */
#include "nodemask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void nodemask_set(struct nodemask *mask, int node)
{
	mask->bits[node / NODEMASK_WORD_BITS] |= 1UL << (node % NODEMASK_WORD_BITS);
}

void nodemask_clear(struct nodemask *mask, int node)
{
	mask->bits[node / NODEMASK_WORD_BITS] &= ~(1UL << (node % NODEMASK_WORD_BITS));
}

bool nodemask_empty(const struct nodemask *mask)
{
	return nodemask_next(mask, 0) < 0;
}

bool nodemask_equal(const struct nodemask *a, const struct nodemask *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool nodemask_subset(const struct nodemask *inner, const struct nodemask *outer)
{
	struct nodemask outside = nodemask_andnot(inner, outer);

	return nodemask_empty(&outside);
}

int nodemask_weight(const struct nodemask *mask)
{
	int weight = 0;

	for (size_t i = 0; i < NODEMASK_WORDS; i++)
		weight += __builtin_popcountl(mask->bits[i]);
	return weight;
}

struct nodemask nodemask_and(const struct nodemask *a, const struct nodemask *b)
{
	struct nodemask both;

	for (size_t i = 0; i < NODEMASK_WORDS; i++)
		both.bits[i] = a->bits[i] & b->bits[i];
	return both;
}

struct nodemask nodemask_or(const struct nodemask *a, const struct nodemask *b)
{
	struct nodemask either;

	for (size_t i = 0; i < NODEMASK_WORDS; i++)
		either.bits[i] = a->bits[i] | b->bits[i];
	return either;
}

struct nodemask nodemask_andnot(const struct nodemask *a, const struct nodemask *b)
{
	struct nodemask rest;

	for (size_t i = 0; i < NODEMASK_WORDS; i++)
		rest.bits[i] = a->bits[i] & ~b->bits[i];
	return rest;
}

struct nodemask nodemask_of(int node)
{
	struct nodemask mask = { { 0 } };

	nodemask_set(&mask, node);
	return mask;
}

int nodemask_next(const struct nodemask *mask, int from)
{
	if (from < 0)
		from = 0;
	for (size_t i = from / NODEMASK_WORD_BITS; i < NODEMASK_WORDS; i++) {
		unsigned long word = mask->bits[i];

		if (i == from / NODEMASK_WORD_BITS)
			word &= ~0UL << (from % NODEMASK_WORD_BITS);
		if (word)
			return (int)(i * NODEMASK_WORD_BITS) + __builtin_ctzl(word);
	}
	return -1;
}

/* Reads one node number at *cursor and advances it. */
static int parse_node(const char **cursor, int *ret)
{
	int node = 0;

	if (!isdigit((unsigned char)**cursor))
		return -EINVAL;
	while (isdigit((unsigned char)**cursor)) {
		node = node * 10 + (*(*cursor)++ - '0');
		if (node >= NODES_MAX)
			return -ERANGE;
	}
	*ret = node;
	return 0;
}

int nodemask_parse(const char *text, struct nodemask *ret)
{
	struct nodemask mask = { { 0 } };
	const char *cursor = text;

	while (*cursor && *cursor != '\n') {
		int first, last, r;

		r = parse_node(&cursor, &first);
		if (r < 0)
			return r;
		last = first;
		if (*cursor == '-') {
			cursor++;
			r = parse_node(&cursor, &last);
			if (r < 0)
				return r;
			if (last < first)
				return -EINVAL;
		}
		for (int node = first; node <= last; node++)
			nodemask_set(&mask, node);

		if (*cursor == ',' && isdigit((unsigned char)cursor[1]))
			cursor++;
		else if (*cursor && *cursor != '\n')
			return -EINVAL;
	}
	if (*cursor == '\n' && cursor[1])
		return -EINVAL;
	*ret = mask;
	return 0;
}

size_t nodemask_format(const struct nodemask *mask, char *buffer, size_t size)
{
	size_t length = 0;
	int first;

	if (size)
		buffer[0] = '\0';
	nodemask_for_each (first, mask) {
		char *end = length < size ? buffer + length : NULL;
		size_t room = length < size ? size - length : 0;
		int last = first;

		while (last + 1 < NODES_MAX && nodemask_test(mask, last + 1))
			last++;
		if (last == first)
			length += snprintf(end, room, "%s%d", length ? "," : "", first);
		else
			length += snprintf(end, room, "%s%d-%d", length ? "," : "", first, last);
		first = last;
	}
	return length;
}
