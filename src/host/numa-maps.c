/* SPDX-License-Identifier: MIT */
/*
 * The parser of numa_maps and its join with maps: see numa-maps.h.
 *
 * Every reader moves a cursor that never passes the line's end; numbers are
 * bounded; nothing is written to the text.
 */
#include "numa-maps.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"
#include "policy.h"

/* mm/mempolicy.c, show_numa_map: char buffer[64], so 63 characters at most. */
#define POLICY_TEXT_MAX 63
#define PAGE_KB_MAX	(1U << 30)

struct cursor {
	const char *at;
	const char *end;
};

static bool take(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
		return false;
	c->at += length;
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool take_number(struct cursor *c, int base, uint64_t *ret)
{
	const char *first = c->at;
	uint64_t number = 0;

	while (c->at < c->end) {
		int digit = digit_value(*c->at);

		if (digit < 0 || digit >= base)
			break;
		if (__builtin_mul_overflow(number, (uint64_t)base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)digit, &number))
			return false;
		c->at++;
	}
	*ret = number;
	return c->at > first;
}

/* ---- numa_maps: the policy ----------------------------------------------------- */

/* Two of the names contain spaces, and one starts like another: longest first. */
static const struct {
	const char *name;
	uint16_t mode;
} mode_names[] = {
	{ "weighted interleave", MPOL_MODE_WEIGHTED_INTERLEAVE },
	{ "prefer (many)", MPOL_MODE_PREFERRED_MANY },
	{ "prefer", MPOL_MODE_PREFERRED },
	{ "bind", MPOL_MODE_BIND },
	{ "interleave", MPOL_MODE_INTERLEAVE },
	{ "local", MPOL_MODE_LOCAL },
	{ "default", MPOL_MODE_DEFAULT },
};

static bool take_mode(struct cursor *c, uint16_t *ret_mode)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (!take(c, mode_names[i].name))
			continue;
		*ret_mode = mode_names[i].mode;
		return true;
	}
	return false;
}

/* "static", "static|balancing" */
static bool take_flags(struct cursor *c, uint16_t *ret_flags)
{
	do {
		if (take(c, "static"))
			*ret_flags |= MPOL_FLAG_STATIC;
		else if (take(c, "relative"))
			*ret_flags |= MPOL_FLAG_RELATIVE;
		else if (take(c, "balancing"))
			*ret_flags |= MPOL_FLAG_BALANCING;
		else
			return false;
	} while (take(c, "|"));
	return true;
}

/* A list such as "0-1,3".  cut: its last number may lack digits, so that one is left out. */
static bool take_nodes(struct cursor *c, bool cut, struct nodemask *ret)
{
	do {
		uint64_t first, last;

		if (cut && c->at == c->end)
			return true;
		if (!take_number(c, 10, &first) || first >= NODES_MAX)
			return false;
		if (cut && c->at == c->end)
			return true;
		last = first;
		if (take(c, "-")) {
			bool complete = take_number(c, 10, &last);

			if (cut && c->at == c->end)
				last = first;
			else if (!complete || last >= NODES_MAX || last < first)
				return false;
		}
		for (uint64_t node = first; node <= last; node++)
			nodemask_set(ret, (int)node);
	} while (take(c, ","));
	return true;
}

/* The policy's text ends where a space follows that is not part of a mode's name. */
static bool take_policy(struct cursor *c, struct numa_maps_line *line)
{
	struct cursor text = *c;
	struct nodemask nodes = { { 0 } };
	const char *end;

	if (!take_mode(&text, &line->policy.mode))
		return false;
	end = memchr(text.at, ' ', text.end - text.at);
	text.end = end ? end : text.end;
	line->policy_cut = text.end - c->at >= POLICY_TEXT_MAX;

	if (take(&text, "=") && !take_flags(&text, &line->policy.mode_flags))
		return false;
	if (take(&text, ":") && !take_nodes(&text, line->policy_cut, &nodes))
		return false;
	if (text.at != text.end)
		return false;
	policy_set_nodemask(&line->policy, &nodes);
	c->at = text.end;
	return true;
}

/* ---- numa_maps: the rest ------------------------------------------------------- */

/* "N0=12", at the N */
static bool take_node_count(struct cursor *c, struct numa_maps_line *line)
{
	uint64_t node, pages;

	if (!take(c, "N") || !take_number(c, 10, &node) || node >= NODES_MAX || !take(c, "=") ||
	    !take_number(c, 10, &pages))
		return false;
	nodemask_set(&line->resident, (int)node);
	line->bytes[node] = pages;
	return true;
}

static bool take_word(struct cursor *c, struct numa_maps_line *line)
{
	const char *space = memchr(c->at, ' ', c->end - c->at);
	struct cursor word = { c->at, space ? space : c->end };
	uint64_t page_kb;

	c->at = word.end;
	if (word.end - word.at > 1 && *word.at == 'N' && isdigit((unsigned char)word.at[1]))
		return take_node_count(&word, line) && word.at == word.end;
	if (take(&word, "kernelpagesize_kB=")) {
		if (!take_number(&word, 10, &page_kb) || word.at != word.end || !page_kb ||
		    page_kb > PAGE_KB_MAX)
			return false;
		line->page_bytes = page_kb << 10;
	}
	/* file=, heap, stack, huge, anon=, dirty=, mapped=, … : not needed here. */
	return true;
}

/* Counts are in units of the kernel's page size: also a huge page of hugetlbfs is one. */
static bool scale_to_bytes(struct numa_maps_line *line)
{
	int node;

	if (!nodemask_empty(&line->resident) && !line->page_bytes)
		return false;
	nodemask_for_each (node, &line->resident)
		if (__builtin_mul_overflow(line->bytes[node], line->page_bytes, &line->bytes[node]))
			return false;
	return true;
}

int numa_maps_parse_line(const char *line, size_t length, struct numa_maps_line *ret)
{
	struct cursor c = { line, line + length };
	struct numa_maps_line parsed;

	/* bytes[] is valid for resident nodes only: not clearing it halves the parser's time. */
	memset(&parsed, 0, offsetof(struct numa_maps_line, bytes));
	if (!take_number(&c, 16, &parsed.start) || !take(&c, " ") || !take_policy(&c, &parsed))
		return -EBADMSG;
	while (take(&c, " "))
		if (!take_word(&c, &parsed))
			return -EBADMSG;
	if (c.at != c.end || !scale_to_bytes(&parsed))
		return -EBADMSG;

	memcpy(ret, &parsed, offsetof(struct numa_maps_line, bytes));
	for (int node = nodemask_next(&parsed.resident, 0); node >= 0;
	     node = nodemask_next(&parsed.resident, node + 1))
		ret->bytes[node] = parsed.bytes[node];
	return 0;
}

/* ---- The join -------------------------------------------------------------------- */

/* The next whole line of *text, without its newline; false at the end. */
static bool next_line(const char **text, const char **ret_line, size_t *ret_length)
{
	const char *newline = strchr(*text, '\n');

	if (!newline)
		return false;
	*ret_line = *text;
	*ret_length = newline - *text;
	*text = newline + 1;
	return true;
}

/* seq_path escapes a newline in a file's name as \012. */
static char *decode_name(const char *escaped)
{
	char *name = malloc(strlen(escaped) + 1), *to = name;

	if (!name)
		return NULL;
	while (*escaped) {
		bool newline = !strncmp(escaped, "\\012", 4);

		*to++ = newline ? '\n' : *escaped;
		escaped += newline ? 4 : 1;
	}
	*to = '\0';
	return name;
}

/* The table's one copy of the policy, or NULL without memory. */
static const struct mpol_policy *share_policy(struct vma_table *table,
					      const struct mpol_policy *policy)
{
	struct mpol_policy **policies, *copy;

	/* Neighbours mostly have the same policy: look from the newest. */
	for (size_t i = table->nr_policies; i-- > 0;)
		if (policy_equal(table->policies[i], policy))
			return table->policies[i];

	policies = realloc(table->policies, (table->nr_policies + 1) * sizeof(*policies));
	if (!policies)
		return NULL;
	table->policies = policies;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *policy;
	return table->policies[table->nr_policies++] = copy;
}

static int copy_nodes(struct vma_table *table, struct vma *vma, const struct numa_maps_line *line)
{
	int node;

	vma->nodes = calloc(nodemask_weight(&line->resident) + 1, sizeof(*vma->nodes));
	if (!vma->nodes)
		return -ENOMEM;
	nodemask_for_each (node, &line->resident) {
		vma->nodes[vma->nr_nodes++] = (struct vma_node) { node, line->bytes[node] };
		table->bytes[node] += line->bytes[node];
	}
	table->resident = nodemask_or(&table->resident, &line->resident);
	return 0;
}

/* Adds to the table, which has room, the range that both lines are about. */
static int add_vma(struct vma_table *table, const struct maps_entry *maps,
		   const struct numa_maps_line *numa)
{
	struct vma *vma = &table->vmas[table->nr_vmas++];

	*vma = (struct vma) {
		.start = maps->start,
		.end = maps->end,
		.name = decode_name(maps->name),
		.device = maps->device,
		.inode = maps->inode,
		.offset = maps->offset,
		.policy = share_policy(table, &numa->policy),
		.policy_cut = numa->policy_cut,
		.page_bytes = numa->page_bytes,
	};
	memcpy(vma->permissions, maps->permissions, sizeof(vma->permissions));
	if (!vma->name || !vma->policy)
		return -ENOMEM;
	return copy_nodes(table, vma, numa);
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	while ((text = strchr(text, '\n'))) {
		lines++;
		text++;
	}
	return lines;
}

/* A last line without its newline was cut off: leaves it out. */
static void drop_partial_line(char *text)
{
	char *newline = strrchr(text, '\n');

	*(newline ? newline + 1 : text) = '\0';
}

/* Merges the two ascending lists into the table, whose vmas have room for every line of maps. */
static int merge(struct vma_table *table, char *maps, const char *numa_maps)
{
	struct maps_entry range = { 0 };
	struct numa_maps_line numa;
	bool have_range = false;
	const char *line;
	size_t length;

	while (next_line(&numa_maps, &line, &length)) {
		if (numa_maps_parse_line(line, length, &numa) < 0)
			return -EBADMSG;
		while (!have_range || range.start < numa.start) {
			uint64_t before = range.end;
			int r = maps_next(&maps, &range);

			if (r <= 0)
				return r;
			if (range.start < before)
				return -EBADMSG;
			have_range = true;
		}
		if (range.start != numa.start)
			continue;
		have_range = false;
		if (add_vma(table, &range, &numa) < 0)
			return -ENOMEM;
	}
	return 0;
}

int vma_table_join(char *maps, const char *numa_maps, struct vma_table *ret)
{
	struct vma_table table = { 0 };
	int r;

	drop_partial_line(maps);
	table.vmas = calloc(count_lines(maps) + 1, sizeof(*table.vmas));
	if (!table.vmas)
		return -ENOMEM;
	r = merge(&table, maps, numa_maps);
	if (r < 0) {
		vma_table_free(&table);
		return r;
	}
	*ret = table;
	return 0;
}

/* Whether the line of smaps is that of the flags, and "lo" (VM_LOCKED) among them. */
static bool says_locked(const char *line, size_t length)
{
	static const char key[] = "VmFlags:";
	const size_t at = sizeof(key) - 1;

	return length > at && memcmp(line, key, at) == 0 &&
	       memmem(line + at, length - at, " lo", 3);
}

int vma_table_mark_locked(struct vma_table *table, const char *smaps)
{
	struct vma *vma = table->vmas, *const end = vma + table->nr_vmas;
	uint64_t start = 0;
	const char *line;
	size_t length;
	char *behind;

	while (next_line(&smaps, &line, &length)) {
		if (isupper((unsigned char)*line)) {
			if (vma < end && vma->start == start && says_locked(line, length))
				vma->is_locked = true;
			continue;
		}
		/* As in maps; what is told of the range follows. */
		start = strtoull(line, &behind, 16);
		if (behind == line || *behind != '-')
			return -EBADMSG;
		while (vma < end && vma->start < start)
			vma++;
	}
	return 0;
}

void vma_table_free(struct vma_table *table)
{
	for (size_t i = 0; i < table->nr_vmas; i++) {
		free(table->vmas[i].name);
		free(table->vmas[i].nodes);
	}
	for (size_t i = 0; i < table->nr_policies; i++)
		free(table->policies[i]);
	free(table->vmas);
	free(table->policies);
	*table = (struct vma_table) { 0 };
}

const struct vma *vma_table_find(const struct vma_table *table, uint64_t address)
{
	size_t low = 0, high = table->nr_vmas;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct vma *vma = &table->vmas[middle];

		if (address < vma->start)
			high = middle;
		else if (address >= vma->end)
			low = middle + 1;
		else
			return vma;
	}
	return NULL;
}

const struct vma *vma_table_witness(const struct vma_table *table)
{
	const struct vma *vvar = NULL, *code = NULL;

	for (size_t i = 0; i < table->nr_vmas; i++) {
		const struct vma *vma = &table->vmas[i];

		if (!strcmp(vma->name, "[vdso]"))
			return vma;
		if (!strcmp(vma->name, "[vvar]"))
			vvar = vma;
		if (!code && vma->permissions[2] == 'x')
			code = vma;
	}
	return vvar ? vvar : code;
}
