/* SPDX-License-Identifier: MIT */
/* mpol doctor: what stands in the way of memory policy here. */
#include <getopt.h>
#include <stdio.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "error-json.h"
#include "report.h"
#include "verbs.h"

DEFINE_CLEANUP(struct mpol_diagnosis *, mpol_diagnosis_free);
DEFINE_CLEANUP(struct mpol_tracker_list *, mpol_tracker_list_free);

static const char *const severities[] = {
	[MPOL_SEVERITY_NOTE] = "note",
	[MPOL_SEVERITY_WARNING] = "warning",
	[MPOL_SEVERITY_ERROR] = "error",
};

struct doctor_options {
	const char *root;
	pid_t pid; /* 0: the machine alone */
	bool json;
};

static json_t *symptom_json(const struct mpol_symptom *symptom)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "severity", severities[symptom->severity], "check",
			 symptom->check, "text", json_text(symptom->text), "advice",
			 json_text(symptom->advice));
}

/* ---- Trackers: of this machine alone, since they have to be tried -------------------------------
 */

static json_t *tracker_json(const struct mpol_tracker_kind *kind)
{
	json_t *missing = kind->flags & MPOL_TRACKER_WORKS
				  ? json_null()
				  : json_pack("{s:s, s:o, s:o, s:o}", "step", kind->missing->step,
					      "object", json_text(kind->missing->object), "cause",
					      json_text(kind->missing->cause), "advice",
					      json_text(kind->missing->advice));

	return json_pack(
		"{s:s, s:b, s:b, s:b, s:b, s:b, s:i, s:s, s:s, s:o}", "name", kind->name, "works",
		kind->flags & MPOL_TRACKER_WORKS, "chosen", kind->flags & MPOL_TRACKER_CHOSEN,
		"automatic", kind->flags & MPOL_TRACKER_AUTOMATIC, "reads",
		kind->flags & MPOL_TRACKER_READS, "guests", kind->flags & MPOL_TRACKER_GUESTS,
		"granularity_pages", (int)kind->granularity_pages, "summary", kind->summary,
		"side_effects", kind->side_effects, "missing", missing);
}

static json_t *trackers_json(const struct mpol_tracker_list *trackers)
{
	json_t *array = json_array();

	for (size_t i = 0; i < mpol_tracker_list_nr(trackers); i++)
		json_array_append_new(array, tracker_json(mpol_tracker_list_at(trackers, i)));
	return array;
}

static void print_tracker(const struct mpol_tracker_kind *kind)
{
	const struct mpol_error *missing = kind->missing;

	if (kind->flags & MPOL_TRACKER_WORKS)
		printf("    %-10s  %s; sees %s of %s%s\n", kind->name,
		       kind->flags & MPOL_TRACKER_CHOSEN      ? "chosen"
		       : kind->flags & MPOL_TRACKER_AUTOMATIC ? "works"
							      : "works if asked for",
		       kind->flags & MPOL_TRACKER_READS ? "reads and writes" : "writes",
		       kind->granularity_pages ? "pages" : "regions",
		       kind->flags & MPOL_TRACKER_GUESTS ? ", KVM guests' too" : "");
	else
		printf("    %-10s  %s: %s%s%s: %s%s%s\n", kind->name,
		       kind->flags & MPOL_TRACKER_CHOSEN ? "chosen, but" : "cannot", missing->step,
		       *missing->object ? ": " : "", missing->object, missing->cause,
		       *missing->advice ? "; " : "", missing->advice);
}

static void print_trackers(const struct mpol_tracker_list *trackers)
{
	printf("trackers of mpold, the best first:\n");
	for (size_t i = 0; i < mpol_tracker_list_nr(trackers); i++)
		print_tracker(mpol_tracker_list_at(trackers, i));
}

static int print_json(const struct doctor_options *options, const struct mpol_diagnosis *diagnosis,
		      const struct mpol_tracker_list *trackers)
{
	json_t *symptoms = json_array();

	for (size_t i = 0; i < mpol_diagnosis_nr_symptoms(diagnosis); i++)
		json_array_append_new(symptoms, symptom_json(mpol_diagnosis_symptom(diagnosis, i)));
	return report_json(json_pack("{s:o, s:o, s:o}", "pid",
				     options->pid ? json_integer(options->pid) : json_null(),
				     "symptoms", symptoms, "trackers",
				     trackers ? trackers_json(trackers) : json_null()));
}

static void print(const struct mpol_diagnosis *diagnosis)
{
	size_t nr = mpol_diagnosis_nr_symptoms(diagnosis);

	for (int severity = MPOL_SEVERITY_ERROR; severity >= MPOL_SEVERITY_NOTE; severity--)
		for (size_t i = 0; i < nr; i++) {
			const struct mpol_symptom *symptom = mpol_diagnosis_symptom(diagnosis, i);

			if ((int)symptom->severity == severity)
				printf("%s: %s: %s\n    %s\n", severities[severity], symptom->check,
				       symptom->text, symptom->advice);
		}
	if (!nr)
		printf("nothing is in the way\n");
}

/* Whether anything is worse than worth knowing. */
static bool is_ill(const struct mpol_diagnosis *diagnosis)
{
	for (size_t i = 0; i < mpol_diagnosis_nr_symptoms(diagnosis); i++)
		if (mpol_diagnosis_symptom(diagnosis, i)->severity > MPOL_SEVERITY_NOTE)
			return true;
	return false;
}

static int parse_options(int argc, char **argv, struct doctor_options *options)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "root", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 'r':
			options->root = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind <= 1)
		return VERB_OK;
	fprintf(stderr, "mpol doctor: takes at most one process id\n  mpol doctor --help\n");
	return VERB_USAGE;
}

int cmd_doctor(int argc, char **argv)
{
	_cleanup_(mpol_diagnosis_freep) struct mpol_diagnosis *diagnosis = NULL;
	_cleanup_(mpol_tracker_list_freep) struct mpol_tracker_list *trackers = NULL;
	struct doctor_options options = { 0 };
	struct mpol_error error;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (optind < argc && argument_pid(argv[optind], &options.pid, &error) < 0) {
		report_error("doctor", options.json, &error);
		return VERB_USAGE;
	}
	if (mpol_diagnosis_new(options.root, options.pid, &diagnosis, &error) < 0)
		return report_error("doctor", options.json, &error);
	if (!options.root && mpol_tracker_list_new(&trackers, &error) < 0)
		return report_error("doctor", options.json, &error);
	if (options.json && print_json(&options, diagnosis, trackers) != VERB_OK)
		return VERB_FAILED;
	if (!options.json)
		print(diagnosis);
	if (!options.json && trackers)
		print_trackers(trackers);
	return is_ill(diagnosis) ? VERB_FAILED : VERB_OK;
}
