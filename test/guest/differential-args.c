/* SPDX-License-Identifier: MIT */
/*
 * Random arguments for the differential test, leaning to where rules begin and
 * end, and the rules of mpol.h that are libmpol's own: sizes, room in masks,
 * what is visible from outside.  See differential.h.
 */
#include "differential.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ALL_FLAGS (MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING)

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

unsigned int random_below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(random_next(state) % n);
}

static bool one_in(uint64_t *state, unsigned int n)
{
	return !random_below(state, n);
}

/* ---- Masks -------------------------------------------------------------------- */

static void set_bit(unsigned long *words, unsigned long bit)
{
	words[bit / WORD_BITS] |= 1UL << bit % WORD_BITS;
}

static uint64_t random_maxnode(uint64_t *state, const struct machine_facts *facts)
{
	const uint64_t odd[] = { 0,
				 1,
				 2,
				 63,
				 64,
				 65,
				 127,
				 128,
				 1023,
				 1025,
				 1088,
				 2048,
				 32767,
				 32768,
				 32769,
				 UINT64_MAX,
				 UINT64_MAX - 1,
				 1ULL << 63 };
	const uint64_t near = (uint64_t)facts->nr_node_ids + random_below(state, 3) - 1;

	switch (random_below(state, 8)) {
	case 0:
		return odd[random_below(state, sizeof(odd) / sizeof(odd[0]))];
	case 1:
	case 2:
		return near;
	case 3:
		return random_below(state, 1100);
	default:
		return one_in(state, 2) ? MPOL_NODES_MAX : WORD_BITS;
	}
}

static void random_nodes(uint64_t *state, const struct machine_facts *facts, unsigned long *words)
{
	const unsigned int nr_ids = (unsigned int)facts->nr_node_ids;

	switch (random_below(state, 12)) {
	case 0:
		break;
	case 1:
		set_bit(words, nr_ids - 1);
		break;
	case 2:
	case 3:
		set_bit(words, random_below(state, nr_ids));
		break;
	case 4:
		set_bit(words, nr_ids + random_below(state, MPOL_NODES_MAX - nr_ids));
		break;
	case 5:
		memset(words, 0xff, MPOL_NODES_MAX / 8);
		break;
	default:
		for (unsigned int node = 0; node < nr_ids; node++)
			if (one_in(state, 2))
				set_bit(words, node);
	}
	/* Often beyond maxnode, where it must not matter. */
	if (one_in(state, 6))
		set_bit(words, nr_ids + random_below(state, 200));
	if (one_in(state, 40))
		set_bit(words, MPOL_NODES_MAX + random_below(state, 8 * PAGE_BYTES));
}

/* The area, or something in it or behind it of which too little can be accessed. */
static unsigned long *random_pointer(uint64_t *state, unsigned long *area)
{
	unsigned long *end = area + MASK_AREA_BYTES / sizeof(*area);

	if (one_in(state, 16))
		return NULL;
	if (one_in(state, 20))
		return end - random_below(state, 20);
	return area;
}

static unsigned long *random_mask(uint64_t *state, const struct machine_facts *facts,
				  const struct areas *areas)
{
	unsigned long words[MASK_AREA_BYTES / sizeof(unsigned long)] = { 0 };
	unsigned long *pointer = random_pointer(state, areas->nodes_in);

	if (pointer) {
		random_nodes(state, facts, words);
		memcpy(pointer, words, area_room(areas->nodes_in, pointer));
	}
	return pointer;
}

/* ---- Policies ----------------------------------------------------------------- */

static uint16_t random_mode(uint64_t *state)
{
	if (one_in(state, 30))
		return (uint16_t)random_next(state);
	/* A flag where it does not belong. */
	if (one_in(state, 50))
		return (uint16_t)(random_below(state, 7) | 1U << (13 + random_below(state, 3)));
	return (uint16_t)random_below(state, one_in(state, 20) ? 9 : 7);
}

static uint16_t random_flags(uint64_t *state, enum operation operation)
{
	uint16_t flags = 0;

	if (one_in(state, 3))
		flags = (uint16_t)(1U << (13 + random_below(state, 3)));
	else if (one_in(state, 8))
		flags = (uint16_t)random_next(state) & ALL_FLAGS;
	if (one_in(state, operation == SET_RANGES ? 6 : 40))
		flags |= MPOL_FLAG_HOME_NODE;
	if (one_in(state, 60))
		flags |= (uint16_t)(1U << random_below(state, 16));
	return flags;
}

static int32_t random_home_node(uint64_t *state, const struct machine_facts *facts)
{
	const int32_t odd[] = { -1, 64, 1023, 1024, 1025, INT32_MAX, INT32_MIN };

	if (one_in(state, 4))
		return odd[random_below(state, sizeof(odd) / sizeof(odd[0]))];
	return (int32_t)random_below(state, (unsigned int)facts->nr_node_ids + 1);
}

static uint8_t *random_weights(uint64_t *state, const struct machine_facts *facts,
			       const struct areas *areas, uint16_t mode)
{
	if (!one_in(state, mode == MPOL_MODE_WEIGHTED_INTERLEAVE ? 3 : 40))
		return NULL;
	memset(areas->weights_in, 0, MPOL_NODES_MAX);
	if (one_in(state, 2))
		memcpy(areas->weights_in, facts->weights, MPOL_NODES_MAX);
	/* Of other weights stripes would be made, which have a test of their own: test-stripes.c.
	 */
	if (one_in(state, 3) && mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		areas->weights_in[random_below(state, (unsigned int)facts->nr_node_ids + 1)] =
			(uint8_t)random_next(state);
	return areas->weights_in;
}

static void random_policy(uint64_t *state, const struct machine_facts *facts,
			  const struct areas *areas, struct argument_set *ret)
{
	struct mpol_args *args = &ret->args;

	args->mode = random_mode(state);
	args->mode_flags = random_flags(state, ret->operation);
	args->policy_nodemask = random_mask(state, facts, areas);
	args->policy_maxnode = random_maxnode(state, facts);
	if (!one_in(state, 4) && (args->mode == MPOL_MODE_DEFAULT || args->mode == MPOL_MODE_LOCAL))
		args->policy_nodemask = NULL;
	if (args->mode_flags & MPOL_FLAG_HOME_NODE || one_in(state, 20))
		args->home_node = random_home_node(state, facts);
	args->interleave_weights = random_weights(state, facts, areas, args->mode);
}

/* ---- Ranges ------------------------------------------------------------------- */

static struct iovec random_range(uint64_t *state, const struct areas *areas)
{
	const unsigned int first = random_below(state, REGION_PAGES);
	const unsigned int most = one_in(state, 4) ? REGION_PAGES - first : 3;
	struct iovec range = {
		areas->region + first * PAGE_BYTES,
		(1 + random_below(state, most)) * PAGE_BYTES,
	};

	switch (random_below(state, 24)) {
	case 0:
		range.iov_len = 0;
		break;
	case 1:
		range.iov_base = (char *)range.iov_base + 1 + random_below(state, PAGE_BYTES - 1);
		break;
	case 2:
		range.iov_len -= random_below(state, PAGE_BYTES);
		break;
	case 3:
		range.iov_len = -(size_t)range.iov_base - random_below(state, 3) * PAGE_BYTES;
		break;
	case 4:
		range.iov_len = SIZE_MAX - random_below(state, 2 * PAGE_BYTES);
		break;
	case 5:
		/* Nothing is mapped so low (vm.mmap_min_addr). */
		range.iov_base = (void *)(random_below(state, 3) * PAGE_BYTES);
		break;
	default:
		break;
	}
	return range;
}

static void random_ranges(uint64_t *state, const struct areas *areas, struct argument_set *ret)
{
	ret->nr_ranges = 1;
	if (one_in(state, 5))
		ret->nr_ranges = random_below(state, 8);
	if (one_in(state, 500))
		ret->nr_ranges = MAX_RANGES;
	for (size_t i = 0; i < ret->nr_ranges; i++)
		ret->ranges[i] = random_range(state, areas);
}

/* ---- Argument sets ------------------------------------------------------------ */

static void random_getter(uint64_t *state, const struct machine_facts *facts,
			  const struct areas *areas, struct argument_set *ret)
{
	struct mpol_args *args = &ret->args;

	args->policy_nodemask = random_pointer(state, areas->nodes_out);
	args->policy_maxnode = random_maxnode(state, facts);
	args->mems_allowed = random_pointer(state, areas->allowed_out);
	args->mems_maxnode = random_maxnode(state, facts);
	/* A byte for each bit of maxnode: as many as there are, or more than can be meant. */
	if (one_in(state, 4) &&
	    (args->policy_maxnode <= MASK_AREA_BYTES || args->policy_maxnode > 8 * PAGE_BYTES))
		args->interleave_weights = areas->weights_out;
	/* What an earlier get call may have left there. */
	args->mode = (uint16_t)random_below(state, 7);
	args->mode_flags = random_flags(state, ret->operation) & (uint16_t)~MPOL_FLAG_EXACT;
	if (one_in(state, 2))
		args->mode_flags |= MPOL_FLAG_EXACT;
	ret->addr = (uint64_t)areas->region + random_below(state, REGION_PAGES * PAGE_BYTES);
	if (one_in(state, 40))
		ret->addr = random_next(state);
}

static size_t random_size(uint64_t *state, bool *ret_tail)
{
	const size_t known = sizeof(struct mpol_args);

	*ret_tail = false;
	if (!one_in(state, 12))
		return known;
	if (one_in(state, 3))
		return random_below(state, (unsigned int)known + 1);
	*ret_tail = one_in(state, 2);
	return known + 1 + random_below(state, (unsigned int)(MAX_SIZE - known));
}

void random_argument_set(uint64_t *state, const struct machine_facts *facts,
			 const struct areas *areas, struct argument_set *ret)
{
	const unsigned int which = random_below(state, 10);
	bool tail;

	ret->operation = which < 4   ? SET_THREAD
			 : which < 7 ? SET_RANGES
			 : which < 8 ? GET_THREAD
				     : GET_RANGE;
	ret->args = (struct mpol_args) { 0 };
	ret->nr_ranges = 0;
	ret->addr = 0;
	ret->self_as_other = one_in(state, 2);
	ret->touch_page = one_in(state, 20) ? (int)random_below(state, REGION_PAGES) : -1;
	if (ret->operation == SET_THREAD || ret->operation == SET_RANGES)
		random_policy(state, facts, areas, ret);
	else
		random_getter(state, facts, areas, ret);
	if (ret->operation == SET_RANGES)
		random_ranges(state, areas, ret);
	ret->size = random_size(state, &tail);
	ret->tail = tail;
	/* A mark: each caller puts its own there. */
	if (one_in(state, 2))
		ret->args.error = (struct mpol_error *)areas->region;
}

struct mpol_args *build_args(const struct argument_set *set, struct mpol_error *error,
			     unsigned char buffer[MAX_SIZE])
{
	struct mpol_args args = set->args;

	if (args.error)
		args.error = error;
	memset(buffer, 0, MAX_SIZE);
	memcpy(buffer, &args, sizeof(args));
	if (set->tail)
		buffer[set->size - 1] = 1;
	return (struct mpol_args *)(void *)buffer;
}

static void print_pointer(const char *name, const void *pointer, const void *area)
{
	if (!pointer)
		printf(" %s=NULL", name);
	else
		printf(" %s=(%zu bytes)", name, area_room(area, pointer));
}

void print_argument_set(const struct argument_set *set, const struct areas *areas)
{
	static const char *const names[OPERATIONS] = { "set-thread", "set-ranges", "get-thread",
						       "get-range" };
	const struct mpol_args *args = &set->args;

	printf("# %s mode=%u flags=0x%x size=%zu%s maxnode=%" PRIu64, names[set->operation],
	       args->mode, args->mode_flags, set->size, set->tail ? " tail" : "",
	       args->policy_maxnode);
	if (set->operation < GET_THREAD) {
		print_pointer("nodes", args->policy_nodemask, areas->nodes_in);
		if (area_room(areas->nodes_in, args->policy_nodemask))
			printf("{%lx}", args->policy_nodemask[0]);
		printf(" home=%d weights=%s", args->home_node,
		       args->interleave_weights ? "given" : "NULL");
	} else {
		print_pointer("nodes", args->policy_nodemask, areas->nodes_out);
		print_pointer("allowed", args->mems_allowed, areas->allowed_out);
		printf(" mems_maxnode=%" PRIu64 " weights=%s addr=region+0x%" PRIx64,
		       args->mems_maxnode, args->interleave_weights ? "wanted" : "NULL",
		       set->addr - (uint64_t)areas->region);
	}
	printf(" error=%s\n", args->error ? "given" : "NULL");
	for (size_t i = 0; i < set->nr_ranges && i < 8; i++)
		printf("#   range region+0x%zx length 0x%zx\n",
		       (size_t)((char *)set->ranges[i].iov_base - areas->region),
		       set->ranges[i].iov_len);
}
