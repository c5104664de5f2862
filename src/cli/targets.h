/* SPDX-License-Identifier: MIT */
/*
 * The processes that a verb is about, and doing its work on each of them: named
 * by their ids, or by a selector (--cgroup, --match, --tree, --unit).
 *
 *	static int set_process(const struct target *target, json_t **ret_document,
 *			       struct mpol_error *error);
 *
 *	static const struct option longs[] = { ..., TARGETS_LONGS, { 0 } };
 *	struct targets targets = { .verb = "set", .user = &job };
 *
 *	while ((option = getopt_long(...)) != -1)
 *		if (!targets_option(&targets, option, optarg))
 *			switch (option) ...
 *	r = targets_read(&targets, argv + optind, argc - optind - 1, &error);
 *	return r < 0 ? VERB_USAGE : targets_run(&targets, set_process);
 *
 * With one process id there is one JSON document, the process's own.  Otherwise
 * it is {"processes": [...]}, also where a selector finds only one.
 */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* What getopt_long(3) returns for the selectors and --json. */
enum {
	TARGETS_CGROUP = 0x1000,
	TARGETS_MATCH,
	TARGETS_TREE,
	TARGETS_UNIT,
	TARGETS_JSON,
};

/* clang-format off */
#define TARGETS_LONGS                                                 \
	{ "cgroup", required_argument, NULL, TARGETS_CGROUP },        \
	{ "json", no_argument, NULL, TARGETS_JSON },                  \
	{ "match", required_argument, NULL, TARGETS_MATCH },          \
	{ "tree", required_argument, NULL, TARGETS_TREE },            \
	{ "unit", required_argument, NULL, TARGETS_UNIT }
/* clang-format on */

/* For the verb table. */
#define TARGETS_WORDS	 "PID... | --cgroup PATH | --match REGEXP | --tree PID | --unit NAME"
#define TARGETS_SYNOPSIS "{" TARGETS_WORDS "}"
#define TARGETS_OPTIONS                                                                      \
	"  --cgroup PATH   the processes of a cgroup and those below it\n"                   \
	"  --match REGEXP  those whose command line matches (extended regular expression)\n" \
	"  --tree PID      a process and all its descendants\n"                              \
	"  --unit NAME     those of a systemd unit\n"

/* Zero-initialise, but for what is marked; free with targets_free. */
struct targets {
	const char *verb; /* the caller's: begins messages */
	const char *root; /* the caller's: a recorded tree; NULL: this machine */
	bool once;	  /* the caller's: do not look for processes born meanwhile */
	void *user;	  /* the caller's: passed on */

	bool json;   /* print one JSON document */
	pid_t *pids; /* those named by id */
	size_t nr_pids;
	struct mpol_selector selector; /* else; size 0: there is none */
	int nr_selectors;
	int option; /* which it is, and its argument */
	const char *argument;
};

/* What a verb is called for. */
struct target {
	pid_t pid;	      /* of any thread, where the user named it */
	uint64_t start_ticks; /* 0: not known */
	const struct targets *targets;
	void *user;
};

/* Takes an option if it is a selector's, or --json.  Returns whether it is. */
bool targets_option(struct targets *targets, int option, const char *argument);

/* Whether there may be several processes, so that each is one of a list. */
bool targets_several(const struct targets *targets);

/* Whether the processes are named by a selector, so that no word names one. */
bool targets_selected(const struct targets *targets);

/*
 * Understands the options taken, and the words that name processes.
 * Errors, all bad arguments: -EINVAL; -ENOMEM.
 */
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
 * document.  What a selector means is looked up again until there is nobody new
 * (not so with once); those that have ended meanwhile are not reported.
 * Returns VERB_OK if all did; VERB_FAILED if none, or there is none; VERB_USAGE
 * for a selector that cannot be understood; else VERB_PARTIAL.
 */
int targets_run(const struct targets *targets, target_fn *fn);

/*
 * mpol_process_new for a target.  Further error: -ESRCH where its id is another
 * process's by now.
 */
int targets_process(const struct target *target, unsigned int what,
		    struct mpol_process **ret_process, struct mpol_error *error);

void targets_free(struct targets *targets);

#endif
