/* SPDX-License-Identifier: MIT */
/*
 * Which stated bandwidths are good enough to derive weights from.
 *
 * What no memory can do is flagged where machines are read (machine_judge); here is what makes a
 * number useless for shares: one that contradicts its neighbours, or that stands for none.
 * Nothing is mended: a node without a believed bandwidth gets no weight.
 */
#ifndef POLICY_WEIGHTS_DOUBT_H
#define POLICY_WEIGHTS_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

/* Reads may be so many times as fast as writes: persistent memory's are three times. */
#define WEIGHTS_READS_TO_WRITES 8
/* No memory is built that is written so many times as fast as it is read. */
#define WEIGHTS_WRITES_TO_READS 2
/* Nor does memory further away deliver so many times what the CPUs' own of that kind does. */
#define WEIGHTS_FAR_TO_OWN 2

/* What is stated of a node with memory as the CPUs of one initiator see it. */
struct weights_statement {
	enum mpol_memory_kind kind;
	bool is_own;			  /* the initiator's own memory */
	bool implausible;		  /* flagged by who read it */
	uint64_t read_bytes, write_bytes; /* per second; 0: unstated */
};

enum weights_doubt {
	WEIGHTS_BELIEVED,
	WEIGHTS_UNSTATED,
	WEIGHTS_IMPLAUSIBLE, /* struct weights_statement's */
	WEIGHTS_DIRECTIONS,  /* reads against writes as no memory has them */
	WEIGHTS_OWN_SLOWER,  /* the CPUs' own memory far slower than other: neither is believed */
	WEIGHTS_ALL_EQUAL,   /* memory of different kinds, all the same number: a placeholder */
};

/* Judges what is stated for one initiator of nr nodes, a doubt for each; not yet whether all are
 * equal. */
void weights_doubt(const struct weights_statement *statements, size_t nr,
		   enum weights_doubt *ret_doubts);

/*
 * Of what is to be used of nr nodes, by one initiator or the best for each: believes none of it
 * where all are equal though the kinds differ.
 */
void weights_doubt_equals(const struct weights_statement *statements, size_t nr,
			  enum weights_doubt *doubts);

/* The same for people: "no bandwidth is stated". */
const char *weights_doubt_text(enum weights_doubt doubt);

#endif
