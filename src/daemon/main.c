/* SPDX-License-Identifier: MIT */
/* mpold: reads the command line, wires, runs, frees. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <mpol/mpol.h>

#include "error.h"
#include "log.h"
#include "manager.h"
#include "options.h"

#define EXIT_USAGE 2

static void say(const struct mpol_error *error)
{
	log_error("%s%s%s: %s", error->step, *error->object ? ": " : "", error->object,
		  error->cause);
	if (*error->advice)
		log_error("  %s", error->advice);
}

/* What the files say, and then the command line. */
static int load(int argc, char **argv, const struct config_paths *paths, struct settings *settings,
		struct mpol_error *error)
{
	struct options options;
	int r = config_read(paths, settings, error);

	return r < 0 ? r : options_read(argc, argv, &options, settings, error);
}

static int run(const struct settings *settings, struct mpol_error *error)
{
	_cleanup_(manager_freep) struct manager *manager = NULL;
	int r;

	if (!settings->nr_targets) {
		error_set(error, -EINVAL, "start", "whose memory?  No process is named");
		error_advise(error, "name some, by --pid PID and the like, or in %s", CONFIG_FILE);
		return -EINVAL;
	}
	r = manager_new(&settings->manager, &manager, error);
	for (size_t i = 0; i < settings->nr_targets && r == 0; i++)
		r = manager_add(manager, &settings->targets[i].request, NULL, error);
	return r < 0 ? r : manager_run(manager, error);
}

/* Reads the configuration, and runs by it, or only says that it is valid. */
static int work(int argc, char **argv, const struct options *options, struct mpol_error *error)
{
	_cleanup_(settings_end) struct settings settings;
	int r;

	settings_begin(&settings);
	r = load(argc, argv, &options->paths, &settings, error);
	if (r < 0)
		return r;
	if (options->action == OPTIONS_CHECK_CONFIG) {
		printf("mpold: the configuration is valid; targets: %zu\n", settings.nr_targets);
		return 0;
	}
	return run(&settings, error);
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
	case OPTIONS_RUN:
	case OPTIONS_CHECK_CONFIG:
		break;
	}
	if (work(argc, argv, &options, &error) < 0) {
		say(&error);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
