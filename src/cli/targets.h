/* SPDX-License-Identifier: MIT */
/*
 * The processes that a verb is about, and doing its work on each of them.
 *
 *	static int set_process(const struct target *target, json_t **ret_document,
 *			       struct mpol_error *error);
 *
 *	struct targets targets = { .verb = "set", .user = &job };
 *	... getopt_long ...
 *	r = targets_read(&targets, argv + optind, argc - optind - 1, &error);
 *	return r < 0 ? VERB_USAGE : targets_run(&targets, set_process);
 *
 * With one process id there is one JSON document, the process's own.  Otherwise
 * it is {"processes": [...]}, also where only one was found.
 */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* Zero-initialise, but for what is marked; free with targets_free. */
struct targets {
	const char *verb; /* the caller's: begins messages */
	bool json;	  /* the caller's: print one JSON document */
	void *user;	  /* the caller's: passed on */
	pid_t *pids;
	size_t nr_pids;
};

/* What a verb is called for. */
struct target {
	pid_t pid; /* of any thread, where the user named it */
	const struct targets *targets;
	void *user;
};

/* Takes the words that name processes.  Errors, all bad arguments: -EINVAL; -ENOMEM. */
int targets_read(struct targets *targets, char **words, size_t nr_words, struct mpol_error *error);

/*
 * A verb's work on one process.  Without json it prints what it did to stdout;
 * with json it gives back the document.  Errors it returns: they are printed for it.
 *
 * Returns VERB_OK; VERB_PARTIAL: done in part, *error says what was in the way
 * (code 0: nothing to add); VERB_FAILED: nothing was done, *error says why, no
 * document.
 */
typedef int target_fn(const struct target *target, json_t **ret_document, struct mpol_error *error);

/*
 * Calls fn for each process, goes on after failures, and prints errors and the
 * document.  Returns VERB_OK if all did, VERB_FAILED if none, else VERB_PARTIAL.
 */
int targets_run(const struct targets *targets, target_fn *fn);

void targets_free(struct targets *targets);

#endif
