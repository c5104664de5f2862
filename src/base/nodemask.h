/* SPDX-License-Identifier: MIT */
/*
 * A set of node numbers, 0 to NODES_MAX - 1, by value.
 *
 * One place for the two things that others get wrong: the size (always
 * NODES_MAX bits, the largest CONFIG_NODES_SHIFT of x86-64 and arm64) and the
 * kernel's maxnode, which counts one more than the bits used
 * (mm/mempolicy.c, get_nodes): pass NODEMASK_KERNEL_MAXNODE to system calls.
 */
#ifndef BASE_NODEMASK_H
#define BASE_NODEMASK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define NODES_MAX		1024
#define NODEMASK_WORD_BITS	(sizeof(unsigned long) * CHAR_BIT)
#define NODEMASK_WORDS		(NODES_MAX / NODEMASK_WORD_BITS)
#define NODEMASK_KERNEL_MAXNODE (NODES_MAX + 1)

struct nodemask {
	unsigned long bits[NODEMASK_WORDS];
};

/* In words as the kernel and mpol.h have them, of which there are enough for node. */
static inline bool nodemask_words_test(const unsigned long *words, size_t node)
{
	return words[node / NODEMASK_WORD_BITS] >> node % NODEMASK_WORD_BITS & 1;
}

/* node must be in 0 .. NODES_MAX - 1 for set, clear and test. */
void nodemask_set(struct nodemask *mask, int node);
void nodemask_clear(struct nodemask *mask, int node);
static inline bool nodemask_test(const struct nodemask *mask, int node)
{
	return nodemask_words_test(mask->bits, (unsigned)node);
}

bool nodemask_empty(const struct nodemask *mask);
bool nodemask_equal(const struct nodemask *a, const struct nodemask *b);
bool nodemask_subset(const struct nodemask *inner, const struct nodemask *outer);
int nodemask_weight(const struct nodemask *mask);

struct nodemask nodemask_and(const struct nodemask *a, const struct nodemask *b);
struct nodemask nodemask_or(const struct nodemask *a, const struct nodemask *b);
struct nodemask nodemask_andnot(const struct nodemask *a, const struct nodemask *b);
struct nodemask nodemask_of(int node);

/* The lowest member >= from, or -1. */
int nodemask_next(const struct nodemask *mask, int from);

/* Runs the statement for each member in ascending order; node is an int lvalue. */
#define nodemask_for_each(node, mask)                        \
	for ((node) = nodemask_next((mask), 0); (node) >= 0; \
	     (node) = nodemask_next((mask), (node) + 1))

/*
 * Reads the kernel's list form, "0-1,3" (Documentation/admin-guide/
 * kernel-parameters, "list"), with an optional final newline; "" is the empty
 * set.  Ranges must ascend; members may repeat.
 * Returns 0; -EINVAL: not of that form; -ERANGE: a number >= NODES_MAX.
 * *ret is untouched on failure.
 */
int nodemask_parse(const char *text, struct nodemask *ret);

/*
 * Writes the list form, always terminated, cut if size is too small.
 * Returns the length that the whole text has, as snprintf(3) does.
 */
size_t nodemask_format(const struct nodemask *mask, char *buffer, size_t size);

#endif
