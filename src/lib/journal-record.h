/* SPDX-License-Identifier: MIT */
/*
 * Lines of a journal as JSON, and back (mpol-journal(5)).  A line is a change
 * that is about to be made, or the end of one.
 */
#ifndef LIB_JOURNAL_RECORD_H
#define LIB_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include <mpol/mpol.h>

#define JOURNAL_BOOT_SIZE 40 /* a boot id and its end */

/* Policies, each kept once; they live as long as the set.  Zero-initialise. */
struct policy_set {
	struct mpol_policy **policies;
	size_t nr, allocated;
};

/* The one in the set that is equal, which is added if there is none; NULL: no memory. */
const struct mpol_policy *policy_set_keep(struct policy_set *set, const struct mpol_policy *policy);
void policy_set_free(struct policy_set *set);

struct journal_record {
	bool is_end; /* else a change */
	char boot[JOURNAL_BOOT_SIZE];
	struct mpol_change
		change; /* of an end only id and nr_done; strings and replaced are owned */
};

/*
 * The record as one line of text; free(3) it.  NULL: no memory.
 */
char *journal_record_format(const struct journal_record *record);

/*
 * Reads a line.  Policies are kept in the set.  Returns 0, -EBADMSG for what
 * is not such a line, -ENOMEM.  Free the record with journal_record_free.
 */
int journal_record_parse(const char *text, size_t length, struct policy_set *policies,
			 struct journal_record *ret_record);
void journal_record_free(struct journal_record *record);

#endif
