/* SPDX-License-Identifier: MIT */
/*
 * Sets of processes: see select.h.
 *
 * Each is one look at things that change meanwhile: a process that ends while we
 * look is not in it, one that is born may be missing.
 */
#include "select.h"

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "process.h"
#include "rootfs.h"
#include "text.h"

/* Longer expressions are nobody's, and finding the place of an error in one takes long. */
#define EXPRESSION_MAX 1024

struct candidates {
	struct process_thread *leaders; /* ascending by tid, each once */
	size_t nr;
};

static void candidates_free(struct candidates *candidates)
{
	free(candidates->leaders);
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The process that reads the root's /proc, 0 where that is recorded or another's. */
static pid_t caller(int root)
{
	char target[32];
	pid_t pid;

	if (rootfs_readlink(root, target, sizeof(target), "proc/self") < 0 ||
	    parse_process_id(target, &pid) < 0)
		return 0;
	return pid;
}

/* Whether it is a program that runs.  A leader that has ended may have left threads behind. */
static bool runs(const struct process_thread *leader)
{
	return process_thread_is_user(leader) &&
	       (!process_thread_has_ended(leader) || leader->nr_threads > 1);
}

/* Looks at each process of pids, which it sorts. */
static int look_at(int root, pid_t *pids, size_t nr, struct candidates *ret)
{
	_cleanup_(candidates_free) struct candidates candidates = { 0 };

	candidates.leaders = calloc(nr + 1, sizeof(*candidates.leaders));
	if (!candidates.leaders)
		return -ENOMEM;
	if (nr)
		qsort(pids, nr, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < nr; i++) {
		int r;

		if (i && pids[i] == pids[i - 1])
			continue;
		r = process_read_stat(root, pids[i], &candidates.leaders[candidates.nr]);
		if (r == -ESRCH)
			continue;
		if (r < 0)
			return r;
		candidates.nr++;
	}
	*ret = candidates;
	candidates.leaders = NULL;
	return 0;
}

static int look_at_all(int root, struct candidates *ret)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t nr = 0;
	int r = process_list(root, &pids, &nr);

	return r < 0 ? r : look_at(root, pids, nr, ret);
}

static const struct process_thread *find(const struct candidates *candidates, pid_t pid)
{
	/* tid is the first member, so that a pid compares with a thread. */
	_Static_assert(offsetof(struct process_thread, tid) == 0, "tid is not first");
	return bsearch(&pid, candidates->leaders, candidates->nr, sizeof(*candidates->leaders),
		       compare_pids);
}

/* Keeps those that are marked, run, and are not the caller. */
static int keep(int root, const struct candidates *candidates, const bool *marked,
		struct mpol_selection *ret)
{
	struct mpol_selection kept = { 0 };
	pid_t self = caller(root);

	kept.processes = calloc(candidates->nr + 1, sizeof(*kept.processes));
	if (!kept.processes)
		return -ENOMEM;
	for (size_t i = 0; i < candidates->nr; i++) {
		const struct process_thread *leader = &candidates->leaders[i];

		if (!marked[i] || !runs(leader) || leader->tid == self)
			continue;
		kept.processes[kept.nr_processes++] = (struct mpol_selected) {
			.pid = leader->tid,
			.start_ticks = leader->start_ticks,
		};
	}
	*ret = kept;
	return 0;
}

static int look_failed(struct mpol_error *error, int r)
{
	if (r == -EBADMSG)
		return error_set(error, r, "read /proc",
				 "what /proc says is not what a kernel writes");
	return r < 0 ? error_errno(error, r, "read /proc") : r;
}

int select_cgroup(int root, const char *path, struct mpol_selection *ret, struct mpol_error *error)
{
	_cleanup_(candidates_free) struct candidates candidates = { 0 };
	_cleanup_free_ pid_t *pids = NULL;
	_cleanup_free_ bool *marked = NULL;
	size_t nr = 0;
	int r = cgroup_list_processes(root, path, &pids, &nr, error);

	if (r < 0)
		return r;
	r = look_at(root, pids, nr, &candidates);
	if (r >= 0) {
		marked = malloc(candidates.nr + 1);
		r = marked ? 0 : -ENOMEM;
	}
	if (r >= 0) {
		memset(marked, true, candidates.nr);
		r = keep(root, &candidates, marked, ret);
	}
	return look_failed(error, r);
}

/* ---- By command line ----------------------------------------------------------- */

/*
 * Where the expression is wrong, in characters from 1: the last one of the
 * shortest part of it from which on every longer part is wrong in the same way.
 * (regcomp(3) does not say.)
 */
static size_t find_fault(const char *expression, int code)
{
	char part[EXPRESSION_MAX + 1];
	size_t place = strlen(expression);

	strcpy(part, expression);
	for (size_t length = place; length-- > 1;) {
		regex_t regex;
		int part_code;

		part[length] = '\0';
		part_code = regcomp(&regex, part, REG_EXTENDED | REG_NOSUB);
		if (!part_code)
			regfree(&regex);
		/* glibc calls a [ at the very end a bad pattern. */
		if (part_code == code || (part_code == REG_BADPAT && code == REG_EBRACK))
			place = length;
		else if (part_code != REG_EESCAPE) /* cut behind a backslash: says nothing */
			break;
	}
	return place;
}

static int compile(const char *expression, regex_t *ret_regex, struct mpol_error *error)
{
	size_t length = strlen(expression);
	char words[128];
	int code;

	if (!length || length > EXPRESSION_MAX) {
		error_set(error, -EINVAL, "read expression", "%s",
			  length ? "longer than 1024 characters" : "it is empty");
		error_on(error, "\"%.64s\"", expression);
		error_advise(error, "%s",
			     length ? "take a part of it" : "give a part of the command line");
		return -EINVAL;
	}
	code = regcomp(ret_regex, expression, REG_EXTENDED | REG_NOSUB);
	if (!code)
		return 0;
	if (code == REG_ESPACE)
		return error_errno(error, -ENOMEM, "read expression");
	regerror(code, NULL, words, sizeof(words));
	error_set(error, -EINVAL, "read expression", "%s, at character %zu", words,
		  find_fault(expression, code));
	error_on(error, "\"%.128s\"", expression);
	error_advise(error, "it is an extended regular expression, regex(7): a \\ before a special "
			    "character takes it as it is");
	return -EINVAL;
}

/* The caller and those above it: their command lines may quote the expression. */
static void unmark_caller(int root, const struct candidates *candidates, bool *marked)
{
	const struct process_thread *leader = find(candidates, caller(root));

	while (leader && marked[leader - candidates->leaders]) {
		marked[leader - candidates->leaders] = false;
		leader = find(candidates, leader->ppid);
	}
}

/* Marks those that match; of those that are not marked before nothing is read. */
static int mark_matching(int root, const struct candidates *candidates, const regex_t *regex,
			 bool *marked)
{
	for (size_t i = 0; i < candidates->nr; i++) {
		_cleanup_free_ char *line = NULL;
		int r;

		if (!marked[i] || !runs(&candidates->leaders[i]))
			continue;
		r = process_read_command_line(root, candidates->leaders[i].tid, &line);
		if (r < 0 && r != -ESRCH)
			return r;
		marked[i] = r >= 0 && *line && regexec(regex, line, 0, NULL, 0) == 0;
	}
	return 0;
}

int select_match(int root, const char *expression, struct mpol_selection *ret,
		 struct mpol_error *error)
{
	_cleanup_(candidates_free) struct candidates candidates = { 0 };
	_cleanup_free_ bool *marked = NULL;
	regex_t regex;
	int r = compile(expression, &regex, error);

	if (r < 0)
		return r;
	r = look_at_all(root, &candidates);
	if (r >= 0) {
		marked = malloc(candidates.nr + 1);
		r = marked ? 0 : -ENOMEM;
	}
	if (r >= 0) {
		memset(marked, true, candidates.nr);
		unmark_caller(root, &candidates, marked);
		r = mark_matching(root, &candidates, &regex, marked);
	}
	if (r >= 0)
		r = keep(root, &candidates, marked, ret);
	regfree(&regex);
	return look_failed(error, r);
}

/* ---- By descent ---------------------------------------------------------------- */

/* Marks children of those that are marked until nobody is new: a child's id may be the smaller. */
static void mark_descendants(const struct candidates *candidates, bool *marked)
{
	bool any = true;

	while (any) {
		any = false;
		for (size_t i = 0; i < candidates->nr; i++) {
			const struct process_thread *parent;

			if (marked[i])
				continue;
			parent = find(candidates, candidates->leaders[i].ppid);
			if (!parent || !marked[parent - candidates->leaders])
				continue;
			marked[i] = true;
			any = true;
		}
	}
}

static int refuse_tree(struct mpol_error *error, int r, pid_t pid)
{
	if (r == -ESRCH)
		error_set(error, r, "read /proc", "no such process, or it has ended");
	else
		look_failed(error, r);
	error_on(error, "process %d", pid);
	return r;
}

int select_tree(int root, pid_t pid, struct mpol_selection *ret, struct mpol_error *error)
{
	_cleanup_(candidates_free) struct candidates candidates = { 0 };
	_cleanup_free_ bool *marked = NULL;
	struct process_thread thread = { 0 };
	const struct process_thread *top;
	int r = process_read_thread(root, pid, pid, &thread);

	if (r >= 0)
		r = look_at_all(root, &candidates);
	top = r >= 0 ? find(&candidates, thread.tgid) : NULL;
	if (r >= 0 && !top)
		r = -ESRCH;
	if (r < 0)
		return refuse_tree(error, r, pid);
	marked = calloc(candidates.nr, 1);
	if (!marked)
		return error_errno(error, -ENOMEM, "read /proc");
	marked[top - candidates.leaders] = true;
	mark_descendants(&candidates, marked);
	return look_failed(error, keep(root, &candidates, marked, ret));
}
