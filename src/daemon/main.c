/* SPDX-License-Identifier: MIT */
/* mpold: reads the command line, wires, runs, frees. */
#include <stdio.h>
#include <stdlib.h>

#include <mpol/mpol.h>

#include "log.h"
#include "options.h"
#include "service.h"

#define EXIT_USAGE 2

static void say(const struct mpol_error *error)
{
	log_error("%s%s%s: %s", error->step, *error->object ? ": " : "", error->object,
		  error->cause);
	if (*error->advice)
		log_error("  %s", error->advice);
}

static int check(int argc, char **argv, const struct options *options, struct mpol_error *error)
{
	size_t nr_targets;
	int r = service_check(argc, argv, &options->paths, &nr_targets, error);

	if (r == 0)
		printf("mpold: the configuration is valid; targets: %zu\n", nr_targets);
	return r;
}

static int run(int argc, char **argv, const struct options *options, struct mpol_error *error)
{
	_cleanup_(service_freep) struct service *service = NULL;
	int r = service_new(argc, argv, &options->paths, &service, error);

	return r < 0 ? r : service_run(service, error);
}

/* What is wrong with the arguments alone is said before any file is read. */
static int parse(int argc, char **argv, struct options *ret, struct mpol_error *error)
{
	_cleanup_(settings_end) struct settings settings;

	settings_begin(&settings);
	return options_read(argc, argv, ret, &settings, error);
}

int main(int argc, char **argv)
{
	struct options options;
	struct mpol_error error = { 0 };
	int r = 0;

	if (parse(argc, argv, &options, &error) < 0) {
		say(&error);
		return EXIT_USAGE;
	}
	switch (options.action) {
	case OPTIONS_HELP:
		fputs(OPTIONS_USAGE, stdout);
		return EXIT_SUCCESS;
	case OPTIONS_VERSION:
		printf("mpold %s\n", mpol_version());
		return EXIT_SUCCESS;
	case OPTIONS_CHECK_CONFIG:
		r = check(argc, argv, &options, &error);
		break;
	case OPTIONS_RUN:
		r = run(argc, argv, &options, &error);
		break;
	}
	if (r < 0)
		say(&error);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
