/* SPDX-License-Identifier: MIT */
/*
 * A process whose memory is tiered: what tiering (policy/tiering.h) knows of its pages, and
 * how its moves are made.
 *
 * Four bytes are kept for each base page of 2 MiB of addresses, where any page is there: a
 * thousandth of memory that is dense.  Which pages there are and on which nodes is asked anew at a
 * clear where the process's ranges have changed, and else in one of sixteen: what comes and goes
 * within a range, or is moved by others, is known then.
 *
 * Pages are left where they are, and out of the ranking, that are not the kernel's to move
 * (hugetlbfs, special mappings), whose range is bound to some nodes only or locked, or that
 * could not be moved twice in a row (pinned) or, shared without the right to move those, once:
 * these for as long as a page is found at their address.
 *
 * What several processes share counts as one's (tiered_join_shared).
 *
 * Ranges may have hints (ports.h): the process's own, from its table (hint-table.h), which is read
 * at every clear; and others' (tiered_hint), which go before them.
 */
#ifndef HOST_TIERED_H
#define HOST_TIERED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "move-batch.h"
#include "nodemask.h"
#include "tiering.h"
#include "tracker.h"

struct tiered;

/* What there is of a process's memory. */
struct tiered_sums {
	uint64_t pages, seen_pages; /* in the last round */
	uint64_t state_bytes;	    /* what is kept about them */
	/* Transparent huge pages, in these pages; those of them that are not split any more. */
	uint64_t huge_pages, kept_huge_pages;
};

struct tiered_request {
	int root; /* descriptor of "/", the caller's */
	pid_t pid;
	const struct tracker_kind *tracker; /* or what tracker_choose_for makes of it */
	struct nodemask memory;		    /* the nodes that pages may be moved between */
};

/*
 * Begins with a living process and the memory that it has.  Once it runs another program, or the
 * thread has ended by which its memory is asked for (its leader, if that lives), looks fail with
 * -ESRCH.  Free it with tiered_close; its memory stays as it is then.
 *
 * Errors: -ESRCH, -ENOMEM, those of census_open, and the tracker's own.
 */
int tiered_open(const struct tiered_request *request, struct tiered **ret, struct mpol_error *err);
void tiered_close(struct tiered *tiered);
DEFINE_CLEANUP(struct tiered *, tiered_close);

/*
 * Sees accesses in another way from now on (or in what tracker_choose_for makes of it), and keeps
 * what is known; the next step must be tiered_clear.  Errors: the tracker's own, and nothing is
 * changed.
 */
int tiered_use(struct tiered *tiered, const struct tracker_kind *general, struct mpol_error *err);

/* Memory has come or gone: pages may be moved between these nodes from now on, and which there are
 * is asked at the next clear. */
void tiered_use_memory(struct tiered *tiered, const struct nodemask *memory);

pid_t tiered_pid(const struct tiered *tiered);

/* What sees its accesses: what was asked for, or another kind if it runs KVM guests. */
const struct tracker_kind *tiered_tracker(const struct tiered *tiered);

/* Whether that is so because it runs KVM guests, as of the last time that its ranges were asked
 * for (of tiered_clear), which is when it is found out. */
bool tiered_follows_guests(const struct tiered *tiered);

/* Why a call for this process failed with r, in words that live as long as it does. */
const char *tiered_failure(const struct tiered *tiered, int r);

/* Becomes readable when the process has ended (pidfd_open(2)). */
int tiered_pidfd(const struct tiered *tiered);

/*
 * Gives the addresses from start to end a hint, or takes it back (PORT_HINT_NONE), for as long as
 * the process runs its program.  Errors: -EINVAL (not whole pages, or empty), -ENOSPC (too many
 * ranges), -ENOMEM.
 */
int tiered_hint(struct tiered *tiered, uint64_t start, uint64_t end, enum port_hint hint);

/* Why the process's own table of hints could not be taken at the last clear; NULL: it could, or
 * there is none. */
const char *tiered_hints_refused(const struct tiered *tiered);

/* What may still be split in a round, of all processes together; and what came apart. */
struct tiered_splits {
	unsigned left;	   /* attempts */
	uint64_t until_ns; /* CLOCK_MONOTONIC; none begins later */
	uint64_t huge_pages;
};

/*
 * wanted: splits huge pages that the last round saw accessed (policy/huge-pages.h), and from now on
 * none is given to a decision that would be; of base pages that come of it nothing is known.  Else
 * all stay whole from now on.  To be called before tiered_clear, which forgets what was seen.
 * Errors, and all stay whole until the next call: -ESRCH, -ENOMEM, those of census_walk; -EPERM,
 * -EACCES, -ENOSYS: it must not split.
 */
int tiered_split(struct tiered *tiered, bool wanted, struct tiered_splits *splits);

/*
 * Forgets all accesses, and finds out which pages there are.  Where the process has come to run KVM
 * guests, or to run none, another tracker is taken.  Errors: -ESRCH, -ENOMEM, ...; -EOPNOTSUPP: it
 * runs guests, and no tracker sees them.
 */
int tiered_clear(struct tiered *tiered);

/*
 * Gives the score to each unit that was accessed since the clear and has none, and says how many
 * these are, how many of them on the nodes that are fast, and how many there are in all.  What the
 * accesses have cost the process is not known here: lost_ns is 0.
 */
int tiered_scan(struct tiered *tiered, uint8_t score, const struct nodemask *fast,
		struct tiering_seen *ret);

/* Counts units of the sample that have been accessed since the clear. */
int tiered_peek(struct tiered *tiered, const struct tiering_sample *sample,
		struct tiering_peek *ret);

/*
 * Of memory that several of these processes map (MAP_SHARED), or one of them twice, each page
 * counts once: it is the first one's that has it, or that has a hint for it, with all that any of
 * them was seen to access, and all that is known of it; of the others tiered_gather gives it as one
 * that must not move.  What is a huge page to one of them is whose it is a huge page to, with its
 * hints; a pinned one of any of them holds all of it.
 *
 * To be called behind the last scan, before a decision: pages of such memory that have come since
 * the last call, where none were, are nobody's.  It may take long, and calls alive now and then.
 * Errors: -ENOMEM, and each page stays whose it was.
 */
int tiered_join_shared(struct tiered *const *tiereds, size_t nr, void (*alive)(void));

/* tiering_world's gather and keep for this process, from a page on; the span's target is not set.
 */
bool tiered_gather(const struct tiered *tiered, uint64_t page, struct tiering_chunk *chunk);
void tiered_keep(struct tiered *tiered, const struct tiering_chunk *chunk);

/*
 * Puts moves of this process into the batch (move-batch.h), which is to be flushed
 * before the next clear.  Nodes that its cpuset forbids are left out.  Errors: of move_batch_add.
 */
int tiered_move(struct tiered *tiered, const struct port_move *moves, size_t nr,
		struct move_batch *batch);

struct tiered_sums tiered_sums(const struct tiered *tiered);

#endif
