/* SPDX-License-Identifier: MIT */
/* The processes that a verb is about: see targets.h. */
#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "error-json.h"
#include "error.h"
#include "report.h"
#include "verbs.h"

/* More looks than any set of processes needs that do not fork without end. */
#define MAX_LOOKS 64

/* What has become of the processes so far. */
struct run {
	const struct targets *targets;
	target_fn *fn;
	json_t *documents;	    /* an array; NULL: without json */
	size_t nr_done;		    /* wholly or in part */
	size_t nr_troubled;	    /* failed, or done in part */
	struct mpol_selected *seen; /* of those selected */
	size_t nr_seen;
};

/* ---- Arguments ----------------------------------------------------------------- */

static const char *option_name(int option)
{
	switch (option) {
	case TARGETS_CGROUP:
		return "--cgroup";
	case TARGETS_MATCH:
		return "--match";
	case TARGETS_TREE:
		return "--tree";
	default:
		return "--unit";
	}
}

bool targets_option(struct targets *targets, int option, const char *argument)
{
	if (option == TARGETS_JSON) {
		targets->json = true;
		return true;
	}
	if (option < TARGETS_CGROUP || option > TARGETS_UNIT)
		return false;
	targets->nr_selectors++;
	targets->option = option;
	targets->argument = argument;
	return true;
}

bool targets_selected(const struct targets *targets)
{
	return targets->nr_selectors > 0;
}

bool targets_several(const struct targets *targets)
{
	return targets->nr_pids != 1;
}

static int read_selector(struct targets *targets, size_t nr_words, struct mpol_error *error)
{
	targets->selector = (struct mpol_selector) { .size = sizeof(targets->selector) };
	if (targets->nr_selectors > 1 || nr_words) {
		error_set(error, -EINVAL, "read options", "%s",
			  nr_words ? "given together with process ids"
				   : "a selector was given before");
		error_on(error, "%s %s", option_name(targets->option), targets->argument);
		error_advise(error,
			     "give process ids, or one of --cgroup, --match, --tree, --unit");
		return -EINVAL;
	}
	switch (targets->option) {
	case TARGETS_CGROUP:
		targets->selector.cgroup = targets->argument;
		return 0;
	case TARGETS_MATCH:
		targets->selector.match = targets->argument;
		return 0;
	case TARGETS_TREE:
		return argument_pid(targets->argument, &targets->selector.tree, error);
	default:
		targets->selector.unit = targets->argument;
		return 0;
	}
}

int targets_read(struct targets *targets, char **words, size_t nr_words, struct mpol_error *error)
{
	if (targets_selected(targets))
		return read_selector(targets, nr_words, error);
	targets->pids = calloc(nr_words + 1, sizeof(*targets->pids));
	if (!targets->pids)
		return error_errno(error, -ENOMEM, "read PID");
	for (size_t i = 0; i < nr_words; i++) {
		int r = argument_pid(words[i], &targets->pids[i], error);

		if (r < 0)
			return r;
	}
	targets->nr_pids = nr_words;
	return 0;
}

void targets_free(struct targets *targets)
{
	free(targets->pids);
	targets->pids = NULL;
	targets->nr_pids = 0;
}

int targets_process(const struct target *target, unsigned int what,
		    struct mpol_process **ret_process, struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	int r = mpol_process_new(target->targets->root, target->pid, what, &process, error);

	if (r < 0)
		return r;
	if (target->start_ticks && mpol_process_start_ticks(process) != target->start_ticks) {
		error_set(error, -ESRCH, "read /proc", "it has ended; another has its id");
		error_on(error, "process %d", target->pid);
		return -ESRCH;
	}
	*ret_process = steal_pointer(&process);
	return 0;
}

/* ---- Work and reports ---------------------------------------------------------- */

/* Of several processes a failed one still has its place in the document. */
static json_t *failed_document(const struct targets *targets, pid_t pid)
{
	return targets_several(targets) ? json_pack("{s:i}", "pid", pid) : json_object();
}

static void run_process(struct run *run, const struct mpol_selected *process)
{
	const struct targets *targets = run->targets;
	const struct target target = {
		.pid = process->pid,
		.start_ticks = process->start_ticks,
		.targets = targets,
		.user = targets->user,
	};
	struct mpol_error error = { 0 };
	json_t *document = NULL;
	int status = run->fn(&target, &document, &error);

	if (targets_selected(targets) && status == VERB_FAILED && error.code == -ESRCH)
		return;
	run->nr_done += status != VERB_FAILED;
	run->nr_troubled += status != VERB_OK;
	if (error.code)
		report_error_words(targets->verb, &error);
	if (!run->documents)
		return;
	if (!document)
		document = failed_document(targets, process->pid);
	if (error.code)
		json_object_set_new(document, "error", error_to_json(&error));
	json_array_append_new(run->documents, document);
}

static bool seen(const struct run *run, const struct mpol_selected *process)
{
	for (size_t i = 0; i < run->nr_seen; i++)
		if (run->seen[i].pid == process->pid &&
		    run->seen[i].start_ticks == process->start_ticks)
			return true;
	return false;
}

/* The processes of the selection that were not in one before.  Returns how many, or -ENOMEM. */
static ssize_t run_new(struct run *run, const struct mpol_selection *selection)
{
	size_t nr_before = run->nr_seen;
	struct mpol_selected *more =
		reallocarray(run->seen, nr_before + selection->nr_processes, sizeof(*more));

	if (!more)
		return -ENOMEM;
	run->seen = more;
	for (size_t i = 0; i < selection->nr_processes; i++) {
		if (seen(run, &selection->processes[i]))
			continue;
		run->seen[run->nr_seen++] = selection->processes[i];
		run_process(run, &selection->processes[i]);
	}
	return (ssize_t)(run->nr_seen - nr_before);
}

static int nobody_quiet(const struct run *run, struct mpol_error *error)
{
	error_set(error, -EAGAIN, "select processes",
		  "they fork faster than they can be dealt with; %zu were", run->nr_done);
	error_on(error, "%s %s", option_name(run->targets->option), run->targets->argument);
	error_advise(error, "try again when it is quieter");
	return -EAGAIN;
}

/* Looks until there is nobody new.  Returns 0 or why it ended before, with *error filled in. */
static int run_selected(struct run *run, struct mpol_error *error)
{
	const struct targets *targets = run->targets;

	for (int look = 0; look < MAX_LOOKS; look++) {
		struct mpol_selection selection = { 0 };
		ssize_t nr_new;
		int r = mpol_select(targets->root, &targets->selector, &selection, error);

		/* After the first look they may all be gone, and their cgroup with them. */
		if (look && (r == -ESRCH || r == -ENOENT)) {
			error_clear(error);
			return 0;
		}
		if (r < 0)
			return r;
		nr_new = run_new(run, &selection);
		mpol_selection_free(&selection);
		if (nr_new < 0)
			return error_errno(error, (int)nr_new, "select processes");
		if (!nr_new || targets->once)
			return 0;
	}
	return nobody_quiet(run, error);
}

static void run_named(struct run *run)
{
	for (size_t i = 0; i < run->targets->nr_pids; i++)
		run_process(run, &(struct mpol_selected) { .pid = run->targets->pids[i] });
}

static int print_documents(const struct run *run, const struct mpol_error *error)
{
	json_t *document;

	if (!targets_several(run->targets))
		return report_json(json_incref(json_array_get(run->documents, 0)));
	document = json_pack("{s:O}", "processes", run->documents);
	if (error->code)
		json_object_set_new(document, "error", error_to_json(error));
	return report_json(document);
}

static int verdict(const struct run *run)
{
	if (!run->nr_troubled)
		return run->nr_done ? VERB_OK : VERB_FAILED;
	return run->nr_done ? VERB_PARTIAL : VERB_FAILED;
}

/* Words and document of what is not about one process.  Returns the exit status. */
static int conclude(struct run *run, struct mpol_error *error)
{
	const struct targets *targets = run->targets;

	if (!error->code && !run->nr_done && !run->nr_troubled) {
		error_set(error, -ESRCH, "select processes", "all of them ended meanwhile");
		error_on(error, "%s %s", option_name(targets->option), targets->argument);
	}
	if (error->code && !run->nr_done && !run->nr_troubled) {
		report_error(targets->verb, targets->json, error);
		return error->code == -EINVAL ? VERB_USAGE : VERB_FAILED;
	}
	if (error->code) {
		run->nr_troubled++;
		report_error_words(targets->verb, error);
	}
	if (targets->json && print_documents(run, error) != VERB_OK)
		return VERB_FAILED;
	return verdict(run);
}

int targets_run(const struct targets *targets, target_fn *fn)
{
	struct run run = {
		.targets = targets,
		.fn = fn,
		.documents = targets->json ? json_array() : NULL,
	};
	struct mpol_error error = { 0 };
	int status;

	if (targets_selected(targets))
		run_selected(&run, &error);
	else
		run_named(&run);
	status = conclude(&run, &error);
	json_decref(run.documents);
	free(run.seen);
	return status;
}
