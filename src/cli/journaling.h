/* SPDX-License-Identifier: MIT */
/*
 * The journal of the verbs that change policies: where it is, and recording in
 * it (mpol-journal(5)).  --journal FILE names another, --no-journal does without.
 */
#ifndef CLI_JOURNALING_H
#define CLI_JOURNALING_H

#include <stdbool.h>

#include <mpol/mpol.h>

enum {
	JOURNALING_FILE = 0x1100,
	JOURNALING_OFF,
};

/* clang-format off */
#define JOURNALING_LONGS                                               \
	{ "journal", required_argument, NULL, JOURNALING_FILE },       \
	{ "no-journal", no_argument, NULL, JOURNALING_OFF }
/* clang-format on */

#define JOURNALING_SYNOPSIS " [--journal FILE | --no-journal]"
#define JOURNALING_OPTIONS                                                         \
	"  --journal FILE  keep what is changed there, not in the usual journal\n" \
	"  --no-journal    keep nothing: mpol undo will not know of it\n"

/* Zero-initialise; free with journaling_free. */
struct journaling {
	const char *path; /* --journal; NULL: the usual one */
	bool off;
	struct mpol_journal *journal; /* once it is open; NULL if off */
};

/* Takes an option if it is one of these.  Returns whether it is. */
bool journaling_option(struct journaling *journaling, int option, const char *argument);

/*
 * Opens the journal unless it is off; writable: with the directories of the
 * usual one.  Errors: of mpol_journal_open and mkdir(2), with what to do.
 */
int journaling_open(struct journaling *journaling, bool writable, struct mpol_error *error);
void journaling_free(struct journaling *journaling);

/* mpol_journal_begin and _end; nothing, and id 0, where the journal is off. */
int journaling_begin(struct journaling *journaling, const struct mpol_change *change,
		     uint64_t *ret_id, struct mpol_error *error);
/* Failure is told on stderr: the change itself was made. */
void journaling_end(struct journaling *journaling, const char *verb, uint64_t id, uint64_t nr_done);

/*
 * Whether a change is what mpol undo takes back unasked: it did something, is not undone, and is
 * neither an undo itself nor a change made again, which belongs to the one that it repeats.
 */
bool journaling_stands(const struct mpol_change *change);

/* Whether the process of the change still lives; the kernel, whose weights it may be, does. */
bool journaling_lives(const struct mpol_change *change);

/*
 * The living processes that the journal knows standing changes of, or that of
 * one change (change_id not 0); free(3) them.
 * Errors: -ENOENT (none, or no such change), -ESRCH (its process has ended), -ENOMEM.
 */
int journaling_processes(const struct journaling *journaling, uint64_t change_id, pid_t **ret_pids,
			 size_t *ret_nr, struct mpol_error *error);

/*
 * The policy that all threads of the process were last given, if that stands and has weights of its
 * own; else NULL.  The kernel does not know such weights.  The journal's.
 */
const struct mpol_policy *journaling_own_weights(const struct journaling *journaling,
						 const struct mpol_process *process);

/* The number of the newest change of the process that stands, or 0. */
uint64_t journaling_newest(const struct journaling *journaling, const struct mpol_process *process);

/* A change of the process, not yet one of anything. */
struct mpol_change journaling_change(const char *verb, const struct mpol_process *process,
				     const struct mpol_policy *intended);

#endif
