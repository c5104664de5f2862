/* SPDX-License-Identifier: MIT */
/*
 * Which memory of the process the library has striped: what is there, how many ranges of the
 * kernel's it takes, and how many pages of each node that makes.
 *
 * A table of fixed size; nothing is allocated.  Any thread may call, and so may a signal handler
 * that has interrupted one: whoever does not get the lock soon goes without.  That, and what the
 * C library unmaps by itself, make the ledger's numbers estimates, which is all that they are used
 * for.
 */
#ifndef PRELOAD_LEDGER_H
#define PRELOAD_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "choice.h"

/* Before all else.  budget_runs: what all ranges together may take; shares lives on. */
void ledger_open(const struct shares *shares, uint64_t budget_runs);

/*
 * Chooses a shift for a range (page, end) with least_shift or more, and enters it in place of
 * what was there.  False: nothing is entered, the range is to be left alone: the budget or the
 * table is full, or the lock was not to be had.
 */
bool ledger_enter(unsigned int least_shift, struct striped *range);

/* The same with the shift that range has, or a larger one where the budget asks for it. */
bool ledger_enter_from(struct striped *range);

/* Pages are there no more, or no more striped. */
void ledger_leave(uint64_t page, uint64_t end);

/* Whether any page between two is entered. */
bool ledger_knows(uint64_t page, uint64_t end);

/* What is entered now, in runs and pages; for tests. */
uint64_t ledger_runs(void);
void ledger_tally(struct tally *ret);

/* In the child of a fork: the thread that had the lock may not be there. */
void ledger_after_fork(void);

#endif
