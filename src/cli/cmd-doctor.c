/* SPDX-License-Identifier: MIT */
/* mpol doctor: what stands in the way of memory policy here. */
#include <getopt.h>
#include <stdio.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "report.h"
#include "verbs.h"

DEFINE_CLEANUP(struct mpol_diagnosis *, mpol_diagnosis_free);

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
			 symptom->check, "text", report_string(symptom->text), "advice",
			 report_string(symptom->advice));
}

static int print_json(const struct doctor_options *options, const struct mpol_diagnosis *diagnosis)
{
	json_t *symptoms = json_array();

	for (size_t i = 0; i < mpol_diagnosis_nr_symptoms(diagnosis); i++)
		json_array_append_new(symptoms, symptom_json(mpol_diagnosis_symptom(diagnosis, i)));
	return report_json(json_pack("{s:o, s:o}", "pid",
				     options->pid ? json_integer(options->pid) : json_null(),
				     "symptoms", symptoms));
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
	if (!options.json)
		print(diagnosis);
	else if (print_json(&options, diagnosis) != VERB_OK)
		return VERB_FAILED;
	return is_ill(diagnosis) ? VERB_FAILED : VERB_OK;
}
