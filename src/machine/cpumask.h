/* SPDX-License-Identifier: MIT */
/*
 * A set of CPUs as hwloc writes it: words of 32 bits in hexadecimal, the
 * highest first, "0x00000001,,0xf000000f"; a word left out is 0.
 */
#ifndef MACHINE_CPUMASK_H
#define MACHINE_CPUMASK_H

#include <stddef.h>
#include <stdint.h>

/* CPUs are numbered below this: eight times what x86-64 kernels can be built for. */
#define CPUMASK_MAX_CPUS 65536

/* Zeroed: no CPU.  words[0] has CPUs 0 to 31. */
struct cpumask {
	uint32_t *words; /* owned */
	size_t nr_words;
};

/*
 * Reads text into *ret_mask, which the caller frees with cpumask_free.
 * Returns 0; -EINVAL: not of that form; -ERANGE: CPUs from CPUMASK_MAX_CPUS on
 * ("0xf...f" in front, hwloc's sets without end, too); -ENOMEM.
 */
int cpumask_parse(const char *text, struct cpumask *ret_mask);
void cpumask_free(struct cpumask *mask);

/* The lowest member >= from, or -1. */
int cpumask_next(const struct cpumask *mask, int from);
int cpumask_weight(const struct cpumask *mask);

/* Runs the statement for each member in ascending order; cpu is an int lvalue. */
#define cpumask_for_each(cpu, mask) \
	for ((cpu) = cpumask_next((mask), 0); (cpu) >= 0; (cpu) = cpumask_next((mask), (cpu) + 1))

#endif
