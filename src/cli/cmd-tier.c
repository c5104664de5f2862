/* SPDX-License-Identifier: MIT */
/* mpol tier: steers a running mpold, by the requests of its socket (mpold(8)). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "client.h"
#include "documents.h"
#include "error-json.h"
#include "listen.h"
#include "report.h"
#include "show-pages.h"
#include "targets.h"
#include "text.h"
#include "tier-report.h"
#include "verbs.h"

struct tier_options {
	struct targets targets;
	const char *socket;
	const char *reason;	/* NULL: none was given */
	const char *huge_pages; /* likewise */
	char **words;		/* behind the action */
	size_t nr_words;
};

/* An action: mpol tier NAME. */
struct action {
	const char *name;
	int (*run)(struct tier_options *options);
	bool takes_words, takes_reason, takes_huge_pages;
};

static int wrong(const char *what, const char *word)
{
	fprintf(stderr, "mpol tier: %s: %s\n  mpol tier --help\n", word, what);
	return VERB_USAGE;
}

static int fail(const struct tier_options *options, const struct mpol_error *error)
{
	report_error("tier", options->targets.json, error);
	return error->code == -EINVAL ? VERB_USAGE : VERB_FAILED;
}

/* ---- Many at once: add and remove ----------------------------------------------------- */

/* What has become of them; with json, each has its place in an array. */
struct outcome {
	json_t *documents; /* NULL: without json */
	size_t nr_done, nr_failed;
};

/* Takes the document. */
static void note(struct outcome *outcome, json_t *document, const struct mpol_error *error)
{
	outcome->nr_done += error->code == 0;
	outcome->nr_failed += error->code != 0;
	if (error->code)
		report_error_words("tier", error);
	if (error->code && outcome->documents)
		json_object_set_new(document, "error", error_to_json(error));
	if (outcome->documents)
		json_array_append(outcome->documents, document);
	json_decref(document);
}

static int conclude(struct outcome *outcome)
{
	if (outcome->documents &&
	    report_json(json_pack("{s:o}", "targets", outcome->documents)) != VERB_OK)
		return VERB_FAILED;
	if (!outcome->nr_failed)
		return VERB_OK;
	return outcome->nr_done ? VERB_PARTIAL : VERB_FAILED;
}

/* Asks for one target, which becomes the request's body. */
static void add_one(const struct tier_options *options, json_t *target, struct outcome *outcome)
{
	struct mpol_error error = { 0 };
	json_t *answer = NULL, *id;
	char name[320];

	if (options->huge_pages)
		json_object_set_new(target, "huge_pages", json_string(options->huge_pages));
	if (ctl_ask(options->socket, "POST", "/v1/targets", target, &answer, &error) == 0) {
		id = json_object_get(answer, "id");
		if (!outcome->documents)
			printf("target %" JSON_INTEGER_FORMAT ": %s\n", json_integer_value(id),
			       tier_name_target(target, name, sizeof(name)));
		json_object_set(target, "id", id);
	}
	json_decref(answer);
	note(outcome, target, &error);
}

static json_t *name_target(pid_t pid, const struct mpol_selector *selector)
{
	json_t *target = json_object();

	ctl_put_target_name(target, pid, selector);
	return target;
}

static int add(struct tier_options *options)
{
	struct targets *targets = &options->targets;
	struct outcome outcome = { .documents = targets->json ? json_array() : NULL };
	struct mpol_error error = { 0 };
	enum ctl_huge huge;

	if (options->huge_pages && ctl_parse_huge(options->huge_pages, &huge) < 0)
		return wrong("neither whole nor split", options->huge_pages);
	if (!options->nr_words && !targets_selected(targets))
		return wrong("whose memory? Name processes, such as mpol tier add 4240", "add");
	if (targets_read(targets, options->words, options->nr_words, &error) < 0)
		return fail(options, &error);
	if (targets_selected(targets))
		add_one(options, name_target(0, &targets->selector), &outcome);
	for (size_t i = 0; i < targets->nr_pids; i++)
		add_one(options, name_target(targets->pids[i], NULL), &outcome);
	return conclude(&outcome);
}

static void remove_one(const struct tier_options *options, uint64_t id, struct outcome *outcome)
{
	struct mpol_error error = { 0 };
	json_t *answer = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/v1/targets/%" PRIu64, id);
	if (ctl_ask(options->socket, "DELETE", path, NULL, &answer, &error) == 0 &&
	    !outcome->documents)
		printf("target %" PRIu64 " is removed\n", id);
	json_decref(answer);
	note(outcome, json_pack("{s:I}", "id", (json_int_t)id), &error);
}

static int remove_some(struct tier_options *options)
{
	struct outcome outcome = { 0 };
	uint64_t id;

	if (!options->nr_words)
		return wrong("which? mpol tier list shows their ids", "remove");
	for (size_t i = 0; i < options->nr_words; i++)
		if (parse_u64(options->words[i], 10, &id) < 0 || !id || id > UINT32_MAX)
			return wrong("not the id of a target", options->words[i]);
	outcome.documents = options->targets.json ? json_array() : NULL;
	for (size_t i = 0; i < options->nr_words; i++) {
		parse_u64(options->words[i], 10, &id);
		remove_one(options, id, &outcome);
	}
	return conclude(&outcome);
}

/* ---- One request ------------------------------------------------------------------------ */

/* Asks for a document, and prints it. */
static int show(const struct tier_options *options, const char *path,
		int (*print)(const json_t *document))
{
	struct mpol_error error = { 0 };
	json_t *document;
	int status;

	if (ctl_ask(options->socket, "GET", path, NULL, &document, &error) < 0)
		return fail(options, &error);
	if (options->targets.json)
		return report_json(document);
	status = print(document);
	json_decref(document);
	return status;
}

static int show_status(struct tier_options *options)
{
	return show(options, "/v1/status", tier_print_status);
}

static int show_targets(struct tier_options *options)
{
	return show(options, "/v1/targets", tier_print_targets);
}

static int show_decisions(struct tier_options *options)
{
	return show(options, "/v1/decisions", tier_print_decisions);
}

/* Has something done, and says that it is.  Takes the body. */
static int have_done(const struct tier_options *options, const char *path, json_t *body,
		     const char *sentence)
{
	struct mpol_error error = { 0 };
	json_t *document;
	int r = ctl_ask(options->socket, "POST", path, body, &document, &error);

	json_decref(body);
	if (r < 0)
		return fail(options, &error);
	if (options->targets.json)
		return report_json(document);
	json_decref(document);
	printf("%s\n", sentence);
	return VERB_OK;
}

static int pause_all(struct tier_options *options)
{
	json_t *body =
		options->reason ? json_pack("{s:o}", "reason", json_text(options->reason)) : NULL;

	return have_done(options, "/v1/pause", body, "mpold is paused: mpol tier resume ends that");
}

static int resume_all(struct tier_options *options)
{
	return have_done(options, "/v1/resume", NULL, "mpold goes on");
}

static int hint(struct tier_options *options)
{
	struct mpol_error error = { 0 };
	uint64_t start, end;
	char range[40];
	pid_t pid;

	if (options->nr_words != 3)
		return wrong("of what, and what? mpol tier hint PID START-END hot", "hint");
	if (argument_pid(options->words[0], &pid, &error) < 0)
		return fail(options, &error);
	if (page_runs_range(options->words[1], &start, &end, &error) < 0)
		return wrong("not a range START-END of hexadecimal addresses", options->words[1]);
	snprintf(range, sizeof(range), "%" PRIx64 "-%" PRIx64, start, end);
	return have_done(options, "/v1/hints",
			 json_pack("{s:i, s:s, s:o}", "pid", pid, "range", range, "hint",
				   json_text(options->words[2])),
			 "mpold knows, and forgets it when the process ends");
}

/* ---- Arguments ---------------------------------------------------------------------------- */

static const struct action actions[] = {
	{ .name = "add", .run = add, .takes_words = true, .takes_huge_pages = true },
	{ .name = "remove", .run = remove_some, .takes_words = true },
	{ .name = "hint", .run = hint, .takes_words = true },
	{ .name = "list", .run = show_targets },
	{ .name = "status", .run = show_status },
	{ .name = "decisions", .run = show_decisions },
	{ .name = "pause", .run = pause_all, .takes_reason = true },
	{ .name = "resume", .run = resume_all },
	{ NULL },
};

static int run_action(const struct action *action, struct tier_options *options)
{
	if (options->nr_words && !action->takes_words)
		return wrong("this action takes options only", options->words[0]);
	if (targets_selected(&options->targets) && action->run != add)
		return wrong("takes no processes", action->name);
	if (options->reason && !action->takes_reason)
		return wrong("takes no --reason", action->name);
	if (options->huge_pages && !action->takes_huge_pages)
		return wrong("takes no --huge-pages", action->name);
	return action->run(options);
}

static int run(int argc, char **argv, struct tier_options *options)
{
	static const struct option longs[] = {
		{ "huge-pages", required_argument, NULL, 'h' },
		{ "reason", required_argument, NULL, 'r' },
		{ "socket", required_argument, NULL, 's' },
		TARGETS_LONGS,
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg))
			continue;
		if (option == '?')
			return VERB_USAGE;
		*(option == 'r'	  ? &options->reason
		  : option == 'h' ? &options->huge_pages
				  : &options->socket) = optarg;
	}
	if (optind == argc)
		return wrong("say what to do, as in mpol tier status", "no action");
	options->words = argv + optind + 1;
	options->nr_words = (size_t)(argc - optind - 1);
	for (const struct action *action = actions; action->name; action++)
		if (strcmp(argv[optind], action->name) == 0)
			return run_action(action, options);
	return wrong("no such action", argv[optind]);
}

int cmd_tier(int argc, char **argv)
{
	struct tier_options options = {
		.targets = { .verb = "tier" },
		.socket = CTL_SOCKET_PATH,
	};
	int status = run(argc, argv, &options);

	targets_free(&options.targets);
	return status;
}
