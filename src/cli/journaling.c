/* SPDX-License-Identifier: MIT */
/* The journal of the verbs: see journaling.h. */
#include "journaling.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "cleanup.h"
#include "error.h"
#include "report.h"
#include "state-file.h"

bool journaling_option(struct journaling *journaling, int option, const char *argument)
{
	switch (option) {
	case JOURNALING_FILE:
		journaling->path = argument;
		return true;
	case JOURNALING_OFF:
		journaling->off = true;
		return true;
	default:
		return false;
	}
}

static void advise(struct mpol_error *error)
{
	error_advise(error, "name another file with --journal FILE, or keep nothing with "
			    "--no-journal");
}

int journaling_open(struct journaling *journaling, bool writable, struct mpol_error *error)
{
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (journaling->off)
		return 0;
	if (!journaling->path)
		r = state_file("journal", writable, &path, error);
	if (r >= 0)
		r = mpol_journal_open(journaling->path ? journaling->path : path, writable,
				      &journaling->journal, error);
	if (r < 0 && error && !*error->advice)
		advise(error);
	return r;
}

void journaling_free(struct journaling *journaling)
{
	mpol_journal_free(journaling->journal);
	journaling->journal = NULL;
}

int journaling_begin(struct journaling *journaling, const struct mpol_change *change,
		     uint64_t *ret_id, struct mpol_error *error)
{
	int r;

	*ret_id = 0;
	if (!journaling->journal)
		return 0;
	r = mpol_journal_begin(journaling->journal, change, ret_id, error);
	if (r < 0 && error && !*error->advice)
		advise(error);
	return r;
}

void journaling_end(struct journaling *journaling, const char *verb, uint64_t id, uint64_t nr_done)
{
	struct mpol_error error = { 0 };

	if (journaling->journal && mpol_journal_end(journaling->journal, id, nr_done, &error) < 0)
		report_error_words(verb, &error);
}

bool journaling_stands(const struct mpol_change *change)
{
	return !change->undoes && !change->reapplies && !change->is_undone &&
	       !(change->is_ended && !change->nr_done);
}

bool journaling_lives(const struct mpol_change *change)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;

	if (!change->pid)
		return true;
	return mpol_process_new(NULL, change->pid, 0, &process, NULL) == 0 &&
	       mpol_process_start_ticks(process) == change->start_ticks;
}

static bool contains(const pid_t *pids, size_t nr, pid_t pid)
{
	for (size_t i = 0; i < nr; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int no_process(uint64_t change_id, bool known, struct mpol_error *error)
{
	if (known) {
		error_set(error, -ESRCH, "look into the journal", "its process has ended");
		error_on(error, "change %" PRIu64, change_id);
		return -ESRCH;
	}
	error_set(error, -ENOENT, "look into the journal",
		  change_id ? "there is none of that number"
			    : "it knows no change of a living process that stands");
	if (change_id)
		error_on(error, "change %" PRIu64, change_id);
	error_advise(error, "mpol undo --list shows those that can be taken back");
	return -ENOENT;
}

int journaling_processes(const struct journaling *journaling, uint64_t change_id, pid_t **ret_pids,
			 size_t *ret_nr, struct mpol_error *error)
{
	const struct mpol_journal *journal = journaling->journal;
	_cleanup_free_ pid_t *pids = calloc(mpol_journal_nr_changes(journal) + 1, sizeof(*pids));
	bool known = false;
	size_t nr = 0;

	if (!pids)
		return error_errno(error, -ENOMEM, "look into the journal");
	for (size_t i = 0; i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (change_id ? change->id != change_id : !journaling_stands(change))
			continue;
		known = change_id != 0;
		if (change->pid && !contains(pids, nr, change->pid) && journaling_lives(change))
			pids[nr++] = change->pid;
	}
	if (!nr)
		return no_process(change_id, known, error);
	free(*ret_pids);
	*ret_pids = steal_pointer(&pids);
	*ret_nr = nr;
	return 0;
}

static bool has_own_weights(const struct mpol_policy *policy)
{
	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return false;
	for (int node = 0; node < MPOL_NODES_MAX; node++)
		if (policy->weights[node])
			return true;
	return false;
}

static bool is_about(const struct mpol_change *change, const struct mpol_process *process)
{
	return change->pid == mpol_process_pid(process) &&
	       change->start_ticks == mpol_process_start_ticks(process) &&
	       journaling_stands(change);
}

const struct mpol_policy *journaling_own_weights(const struct journaling *journaling,
						 const struct mpol_process *process)
{
	size_t nr = journaling->journal ? mpol_journal_nr_changes(journaling->journal) : 0;

	while (nr-- > 0) {
		const struct mpol_change *change = mpol_journal_change(journaling->journal, nr);

		/* Of all threads, not of one, nor of ranges. */
		if (is_about(change, process) && !change->tid && change->nr_replaced &&
		    change->replaced[0].tid)
			return has_own_weights(change->intended) ? change->intended : NULL;
	}
	return NULL;
}

uint64_t journaling_newest(const struct journaling *journaling, const struct mpol_process *process)
{
	size_t nr = journaling->journal ? mpol_journal_nr_changes(journaling->journal) : 0;

	while (nr-- > 0) {
		const struct mpol_change *change = mpol_journal_change(journaling->journal, nr);

		if (is_about(change, process))
			return change->id;
	}
	return 0;
}

struct mpol_change journaling_change(const char *verb, const struct mpol_process *process,
				     const struct mpol_policy *intended)
{
	return (struct mpol_change) {
		.verb = verb,
		.pid = mpol_process_pid(process),
		.start_ticks = mpol_process_start_ticks(process),
		.name = mpol_process_name(process),
		.intended = intended,
	};
}
