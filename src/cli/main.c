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
			return verb->run(argc - 1, argv + 1);

	fprintf(stderr, "mpol: no such verb: %s\n  mpol --help lists them\n", argv[1]);
	return VERB_USAGE;
}
