/* SPDX-License-Identifier: MIT */
/*
 * The rules of mpol.h that the kernel has no word for: the size of the
 * arguments, room in the masks of get calls, what is visible from outside.
 * Written down a second time, for the differential test to hold libmpol to.
 */
#include "differential.h"

#include <errno.h>
#include <string.h>

#define PATTERN 0xa5

size_t area_room(const void *area, const void *address)
{
	const uintptr_t start = (uintptr_t)area, at = (uintptr_t)address;

	return at >= start && at < start + MASK_AREA_BYTES ? start + MASK_AREA_BYTES - at : 0;
}

int judge_size(const struct argument_set *set)
{
	if (set->size < MPOL_ARGS_SIZE_VER0)
		return -EINVAL;
	return set->tail ? -E2BIG : 0;
}

/* ---- Effective nodes ------------------------------------------------------------ */

static bool has(const unsigned long *nodes, int node)
{
	return nodes[(size_t)node / WORD_BITS] >> (size_t)node % WORD_BITS & 1;
}

static void add(unsigned long *nodes, int node)
{
	nodes[(size_t)node / WORD_BITS] |= 1UL << (size_t)node % WORD_BITS;
}

/*
 * set_mempolicy(2), MPOL_F_RELATIVE_NODES: numbers are folded by how many nodes
 * there are, and then count within them.
 */
static void map_relative(const unsigned long *user, const unsigned long *usable, unsigned long *ret)
{
	int order[MPOL_NODES_MAX], nr = 0;

	for (int node = 0; node < MPOL_NODES_MAX; node++)
		if (has(usable, node))
			order[nr++] = node;
	for (int node = 0; nr && node < MPOL_NODES_MAX; node++)
		if (has(user, node))
			add(ret, order[node % nr]);
}

struct raw_policy effective_policy(const struct machine_facts *facts, const struct raw_policy *raw,
				   const unsigned long *allowed)
{
	const int stored = MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING;
	struct raw_policy effective = *raw;
	unsigned long usable[MPOL_NODE_WORDS];

	if (!(raw->mode & stored))
		return effective;
	for (size_t i = 0; i < MPOL_NODE_WORDS; i++)
		usable[i] = allowed[i] & facts->memory[i];
	memset(effective.nodes, 0, sizeof(effective.nodes));
	if (raw->mode & (int)MPOL_FLAG_RELATIVE)
		map_relative(raw->nodes, usable, effective.nodes);
	else
		for (size_t i = 0; i < MPOL_NODE_WORDS; i++)
			effective.nodes[i] = raw->nodes[i] & usable[i];
	if ((raw->mode & ~stored) == MPOL_MODE_PREFERRED) {
		int node = 0;

		while (node < MPOL_NODES_MAX && !has(effective.nodes, node))
			node++;
		memset(effective.nodes, 0, sizeof(effective.nodes));
		if (node < MPOL_NODES_MAX)
			add(effective.nodes, node);
	}
	return effective;
}

/* ---- Answers of get calls --------------------------------------------------------- */

static uint64_t words_of(uint64_t maxnode)
{
	return maxnode / WORD_BITS + (maxnode % WORD_BITS != 0);
}

/* As the kernel: one page at most. */
static bool has_room(uint64_t maxnode, const struct machine_facts *facts)
{
	return maxnode >= (uint64_t)facts->nr_node_ids &&
	       words_of(maxnode) <= PAGE_BYTES / sizeof(long);
}

int judge_masks_room(const struct argument_set *set, const struct machine_facts *facts)
{
	const struct mpol_args *args = &set->args;

	if ((args->policy_nodemask || args->interleave_weights) &&
	    !has_room(args->policy_maxnode, facts))
		return -EINVAL;
	return args->mems_allowed && !has_room(args->mems_maxnode, facts) ? -EINVAL : 0;
}

static bool writable(const void *area, const unsigned long *mask, uint64_t maxnode)
{
	return !mask || words_of(maxnode) * sizeof(long) <= area_room(area, mask);
}

int judge_masks_writable(const struct argument_set *set, const struct areas *areas)
{
	const struct mpol_args *args = &set->args;

	if (!writable(areas->nodes_out, args->policy_nodemask, args->policy_maxnode) ||
	    !writable(areas->allowed_out, args->mems_allowed, args->mems_maxnode))
		return -EFAULT;
	return 0;
}

void prepare_get(const struct areas *areas)
{
	memset(areas->nodes_out, PATTERN, MASK_AREA_BYTES);
	memset(areas->allowed_out, PATTERN, MASK_AREA_BYTES);
	memset(areas->weights_out, PATTERN, MASK_AREA_BYTES);
}

static bool is_pattern(const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		if (byte[i] != PATTERN)
			return false;
	return true;
}

/* nodes at the mask, zeros to the end of its words, the pattern around it. */
static bool mask_is(const unsigned long *area, const unsigned long *mask, uint64_t maxnode,
		    const unsigned long *nodes)
{
	const uint64_t nr_words = words_of(maxnode);
	const char *end;

	if (!mask)
		return is_pattern(area, MASK_AREA_BYTES);
	for (uint64_t i = 0; i < nr_words; i++)
		if (mask[i] != (i < MPOL_NODE_WORDS ? nodes[i] : 0))
			return false;
	end = (const char *)(mask + nr_words);
	return is_pattern(area, (size_t)((const char *)mask - (const char *)area)) &&
	       is_pattern(end, area_room(area, end));
}

static bool weights_are_zero(const struct argument_set *set, const struct areas *areas)
{
	const size_t nr = set->args.interleave_weights ? set->args.policy_maxnode : 0;

	for (size_t i = 0; i < nr; i++)
		if (areas->weights_out[i])
			return false;
	return is_pattern(areas->weights_out + nr, MASK_AREA_BYTES - nr);
}

static bool all_untouched(const struct areas *areas)
{
	return is_pattern(areas->nodes_out, MASK_AREA_BYTES) &&
	       is_pattern(areas->allowed_out, MASK_AREA_BYTES) &&
	       is_pattern(areas->weights_out, MASK_AREA_BYTES);
}

static bool policy_is(const struct argument_set *set, const struct areas *areas,
		      const struct mpol_args *result, const struct raw_policy *policy)
{
	return (result->mode | result->mode_flags) == policy->mode &&
	       mask_is(areas->nodes_out, set->args.policy_nodemask, set->args.policy_maxnode,
		       policy->nodes);
}

/* The nodes that can be known are there, and none that cannot be. */
static bool relative_is(const struct argument_set *set, const struct mpol_args *result,
			const struct expected_get *expected)
{
	const unsigned long *mask = set->args.policy_nodemask;
	const uint64_t nr_words = words_of(set->args.policy_maxnode);

	if (!expected->within || !(result->mode_flags & MPOL_FLAG_RELATIVE) ||
	    (result->mode | result->mode_flags) != expected->policy.mode)
		return false;
	for (uint64_t i = 0; mask && i < nr_words && i < MPOL_NODE_WORDS; i++) {
		if (mask[i] & ~expected->within[i])
			return false;
		if (result->mode != MPOL_MODE_PREFERRED && expected->policy.nodes[i] & ~mask[i])
			return false;
	}
	return true;
}

static bool next_is(const struct mpol_args *result, const struct expected_get *expected)
{
	return result->policy_node == expected->next || result->policy_node == expected->other_next;
}

const char *check_get(const struct argument_set *set, const struct areas *areas, int r,
		      const struct mpol_args *result, const struct expected_get *expected)
{
	struct mpol_args before = set->args;

	if (r != expected->result)
		return "result";
	if (r < 0) {
		before.error = result->error;
		if (memcmp(&before, result, sizeof(before)))
			return "arguments after a failure";
		return r != -EFAULT && !all_untouched(areas) ? "masks after a failure" : NULL;
	}
	if (!policy_is(set, areas, result, &expected->policy) &&
	    !policy_is(set, areas, result, &expected->other) && !relative_is(set, result, expected))
		return "policy";
	if (!mask_is(areas->allowed_out, set->args.mems_allowed, set->args.mems_maxnode,
		     expected->allowed))
		return "mems_allowed";
	if (!weights_are_zero(set, areas))
		return "weights";
	if (!next_is(result, expected))
		return "policy_node";
	if (result->vma_node != expected->vma_node)
		return "vma_node";
	return result->home_node == -1 ? NULL : "home_node";
}
