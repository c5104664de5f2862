/* SPDX-License-Identifier: MIT */
/*
 * Trackers: which pages of a process have been accessed since a moment, found out
 * in one of the ways that a stock kernel leaves.  Each way is a file tracker-NAME.c.
 *
 * A tracker never stops its process and never changes what it computes.  A process that ends, or
 * runs another program, gives -ESRCH from then on.
 */
#ifndef HOST_TRACKER_H
#define HOST_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

struct tracker {
	const struct tracker_kind *kind;
	const char *failure; /* why a call failed, where its errno does not tell; else NULL */

	/* A kind's own struct begins with this one. */
};

struct tracker_kind {
	const char *name;
	const char *summary;	    /* one line: how it looks, and what that costs whom */
	const char *side_effects;   /* what else changes while it is at work */
	bool sees_reads;	    /* all see writes */
	bool sees_guests;	    /* of a process that runs KVM guests, what these access, too */
	bool is_automatic;	    /* may be chosen for a user who has not asked for it */
	uint32_t granularity_pages; /* of base memory, seen apart; 0: regions of any size */
	uint32_t clear_ns;	    /* a page's share of a clear, about, on a CPU of 2020 */
	uint32_t scan_ns;	    /* and of a scan */
	uint32_t target_fault_ns;   /* what a unit's first access after a clear costs the target */
	bool clears_accessed_bits;  /* so that is what setting one costs: see accessed-bit.h */
	/* Those it cannot do without (capabilities(7)), bit n is number n; CAP_SYS_PTRACE,
	 * CAP_DAC_OVERRIDE and CAP_SYS_NICE go without saying. */
	uint64_t capabilities;

	/*
	 * For a living process, of which root's /proc/PID is; free it with close.  Changes
	 * nothing in the kernel: that is for the first clear or scan.
	 * Errors: -EOPNOTSUPP (this kernel cannot; err says what is missing), -EACCES, -EPERM,
	 * -ESRCH, -ENOMEM.
	 */
	int (*open)(int root, pid_t pid, struct tracker **ret, struct mpol_error *err);
	void (*close)(struct tracker *tracker);

	/*
	 * Whether it is as good as it can be here, for this process: 0, or -EOPNOTSUPP, and err
	 * says what is missing.  NULL: it always is.
	 */
	int (*check)(int root, struct mpol_error *err);

	/* Memory has come or gone on the machine: all that trackers of this kind know of it
	 * together is read anew.  NULL: they know nothing. */
	void (*reread_memory)(int root);

	/* Forgets all accesses, of the whole process, also those that a TLB would hide. */
	int (*clear)(struct tracker *tracker);

	/*
	 * Said before the calls that together scan all of the process once.  Errors: as of clear.
	 * NULL: nobody needs to say so.
	 */
	int (*begin_scan)(struct tracker *tracker);

	/*
	 * Sets the bit of every base page in [start, end), addresses of whole pages, that was
	 * accessed since the clear; bit 0 is start's, and bits of others stay as they are.  Of a
	 * huge page all bits are set.  May be repeated, and forgets nothing.
	 */
	int (*scan)(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits);
};

/* Accessed bits, of which mglru ages instead of clearing them; hint faults: where there is BPF. */
extern const struct tracker_kind tracker_ptescan, tracker_mglru, tracker_hintfault;

/* Idle page tracking; regions sampled by DAMON. */
extern const struct tracker_kind tracker_idlepage, tracker_damon;

/* Writes, by soft-dirty bits (soft-dirty.h). */
extern const struct tracker_kind tracker_soft_dirty;

/* All names, the best first, separated by commas. */
#define TRACKER_NAMES "ptescan, mglru, idlepage, damon, soft-dirty, hintfault"

/* All that were built in, the best first; NULL behind the last. */
const struct tracker_kind *tracker_kind(size_t index);

/* The one of that name; NULL: there is none, or it was not built in. */
const struct tracker_kind *tracker_find(const char *name);

/*
 * Whether it works here and now, as well as it can: tried on this process, then checked.
 * Returns 0, or a negative errno of open or check.
 */
int tracker_try(const struct tracker_kind *kind, int root, struct mpol_error *err);

/*
 * The best one that works here and now, tried on this process; where none passes its check, the
 * best of those that can be opened.  Of those only that are automatic.  Where that is not simply
 * the best of all, *ret_why says of that what is missing (its step is the name); else its code is
 * 0. Errors: -EOPNOTSUPP: none works.
 */
int tracker_choose(int root, const struct tracker_kind **ret, struct mpol_error *ret_why);

/*
 * The one to take for a process where kind is taken in general: another one if the process runs
 * KVM guests, whose memory would look idle to it.
 * Errors: -EOPNOTSUPP: it runs guests, and none that sees them works here; better let it alone.
 */
int tracker_choose_for(const struct tracker_kind *kind, int root, pid_t pid,
		       const struct tracker_kind **ret, struct mpol_error *err);

/*
 * The one by which an mpold that is told nothing of trackers would follow a process that runs KVM
 * guests: it has given up what its general tracker does not need.  NULL: none works here.
 */
const struct tracker_kind *tracker_mpolds_for_guests(int root);

#endif
