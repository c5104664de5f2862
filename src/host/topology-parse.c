/* SPDX-License-Identifier: MIT */
/*
 * The parsers of the files that describe nodes: see topology-internal.h.
 * Pure: text in, numbers out.  Strict: whatever the kernel does not write is
 * refused, because a guess about a garbled file becomes a wrong placement.
 */
#include "topology-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No kernel configuration has CPUs beyond this (8192 on x86-64). */
#define CPUS_MAX 65536

/* Reads digits at *text of a value up to max and steps over them. */
static bool read_number(const char **text, uint64_t max, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		uint64_t digit = *p - '0';

		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*text = p;
	*ret = value;
	return true;
}

static void skip_blanks(const char **text)
{
	while (**text == ' ' || **text == '\t')
		(*text)++;
}

static bool at_end(const char *text)
{
	return !*text || !strcmp(text, "\n");
}

int topology_parse_distances(const char *text, int nr, uint8_t *ret_distances)
{
	uint8_t distances[NODES_MAX];

	if (nr > NODES_MAX)
		return -EBADMSG;
	for (int i = 0; i < nr; i++) {
		uint64_t distance;

		skip_blanks(&text);
		if (!read_number(&text, UINT8_MAX, &distance) || !distance)
			return -EBADMSG;
		distances[i] = distance;
	}
	skip_blanks(&text);
	if (!at_end(text))
		return -EBADMSG;
	memcpy(ret_distances, distances, nr);
	return 0;
}

/* The bytes of the line "Node N NAME: K kB". */
static int meminfo_bytes(const char *text, int node, const char *name, uint64_t *ret_bytes)
{
	char start[64];
	const char *p;
	uint64_t kib;
	int length = snprintf(start, sizeof(start), "Node %d %s:", node, name);

	for (p = text; p && strncmp(p, start, length); p = p ? p + 1 : NULL)
		p = strchr(p, '\n');
	if (!p)
		return -EBADMSG;
	p += length;
	skip_blanks(&p);
	if (!read_number(&p, UINT64_MAX >> 10, &kib) || strncmp(p, " kB\n", 4))
		return -EBADMSG;
	*ret_bytes = kib << 10;
	return 0;
}

int topology_parse_meminfo(const char *text, int node, uint64_t *ret_total_bytes,
			   uint64_t *ret_free_bytes)
{
	uint64_t total, free_;

	if (meminfo_bytes(text, node, "MemTotal", &total) < 0 ||
	    meminfo_bytes(text, node, "MemFree", &free_) < 0)
		return -EBADMSG;
	*ret_total_bytes = total;
	*ret_free_bytes = free_;
	return 0;
}

int topology_parse_cpulist(const char *text, size_t *ret_length)
{
	const char *p = text;
	uint64_t next = 0;

	while (!at_end(p)) {
		uint64_t first, last;

		if (p != text && *p++ != ',')
			return -EBADMSG;
		if (!read_number(&p, CPUS_MAX, &first))
			return -EBADMSG;
		last = first;
		if (*p == '-') {
			p++;
			if (!read_number(&p, CPUS_MAX, &last))
				return -EBADMSG;
		}
		if (first < next || last < first)
			return -EBADMSG;
		next = last + 1;
	}
	*ret_length = p - text;
	return 0;
}

bool topology_parse_name(const char *name, const char *prefix, uint64_t max, uint64_t *ret)
{
	size_t length = strlen(prefix);
	uint64_t number;

	if (strncmp(name, prefix, length))
		return false;
	name += length;
	if (!read_number(&name, max, &number) || *name)
		return false;
	*ret = number;
	return true;
}
