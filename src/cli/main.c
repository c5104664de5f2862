/* SPDX-License-Identifier: MIT */
/* mpol(1): finds the verb and runs it. */
#include <stdio.h>
#include <string.h>

#include <mpol/mpol.h>

#include "verbs.h"

static const struct verb verbs[] = {
	{ "topo", cmd_topo, "[--json] [--machine FILE | --root DIR]",
	  "show nodes, distances, speeds" },
	{ NULL, NULL, NULL, NULL },
};

static void print_usage(FILE *stream)
{
	fprintf(stream, "Usage: mpol VERB [ARGUMENTS]\n\n");
	for (const struct verb *verb = verbs; verb->name; verb++)
		fprintf(stream, "  %-6s %-40s %s\n", verb->name, verb->synopsis, verb->sentence);
}

static void print_verb_usage(const struct verb *verb)
{
	printf("Usage: mpol %s %s\n\n  %s\n\nman mpol-%s explains.\n", verb->name, verb->synopsis,
	       verb->sentence, verb->name);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	char name[32];

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_verb_usage(verb);
		return VERB_OK;
	}
	snprintf(name, sizeof(name), "mpol %s", verb->name);
	argv[0] = name;
	return verb->run(argc, argv);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return VERB_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_usage(stdout);
		return VERB_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("mpol %s\n", mpol_version());
		return VERB_OK;
	}
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!strcmp(argv[1], verb->name))
			return run_verb(verb, argc - 1, argv + 1);

	fprintf(stderr, "mpol: no such verb: %s\n  mpol --help lists them\n", argv[1]);
	return VERB_USAGE;
}
