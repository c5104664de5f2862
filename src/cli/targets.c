/* SPDX-License-Identifier: MIT */
/* The processes that a verb is about: see targets.h. */
#include "targets.h"

#include <errno.h>
#include <stdlib.h>

#include "arguments.h"
#include "error.h"
#include "report.h"
#include "verbs.h"

/* What has become of the processes so far. */
struct run {
	const struct targets *targets;
	json_t *documents;  /* an array; NULL: without json */
	size_t nr_done;	    /* wholly or in part */
	size_t nr_troubled; /* failed, or done in part */
};

int targets_read(struct targets *targets, char **words, size_t nr_words, struct mpol_error *error)
{
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

static bool several(const struct targets *targets)
{
	return targets->nr_pids != 1;
}

/* Of several processes a failed one still has its place in the document. */
static json_t *failed_document(const struct targets *targets, pid_t pid)
{
	return several(targets) ? json_pack("{s:i}", "pid", pid) : json_object();
}

static void run_process(struct run *run, pid_t pid, target_fn *fn)
{
	const struct targets *targets = run->targets;
	struct target target = { .pid = pid, .targets = targets, .user = targets->user };
	struct mpol_error error = { 0 };
	json_t *document = NULL;
	int status = fn(&target, &document, &error);

	run->nr_done += status != VERB_FAILED;
	run->nr_troubled += status != VERB_OK;
	if (error.code)
		report_error_words(targets->verb, &error);
	if (!run->documents)
		return;
	if (!document)
		document = failed_document(targets, pid);
	if (error.code)
		json_object_set_new(document, "error", report_error_json(&error));
	json_array_append_new(run->documents, document);
}

static int print_documents(struct run *run)
{
	json_t *documents = run->documents;

	if (several(run->targets))
		return report_json(json_pack("{s:O}", "processes", documents));
	return report_json(json_incref(json_array_get(documents, 0)));
}

static int verdict(const struct run *run)
{
	if (!run->nr_troubled)
		return VERB_OK;
	return run->nr_done ? VERB_PARTIAL : VERB_FAILED;
}

int targets_run(const struct targets *targets, target_fn *fn)
{
	struct run run = { .targets = targets, .documents = targets->json ? json_array() : NULL };
	int status = VERB_OK;

	for (size_t i = 0; i < targets->nr_pids; i++)
		run_process(&run, targets->pids[i], fn);
	if (targets->json)
		status = print_documents(&run);
	json_decref(run.documents);
	return status == VERB_OK ? verdict(&run) : status;
}

void targets_free(struct targets *targets)
{
	free(targets->pids);
	targets->pids = NULL;
	targets->nr_pids = 0;
}
