/* SPDX-License-Identifier: MIT */
/* Reading the command line: see options.h.  Options of settings come from their table. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "error.h"

#define STEP "read options"

/* What getopt_long(3) returns: these, then the settings by place, then kinds of targets. */
enum {
	OPTION_CHECK_CONFIG = 0x100,
	OPTION_CONFIG,
	OPTION_CONFIG_DIR,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_SETTING = 0x200,
	OPTION_TARGET = 0x300,
};

static const struct option fixed[] = {
	{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "config-dir", required_argument, NULL, OPTION_CONFIG_DIR },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
};

#define NR_FIXED (sizeof(fixed) / sizeof(*fixed))

/* All options, ended by an empty one; the caller frees it.  NULL: no memory. */
static struct option *all_options(void)
{
	struct option *longs =
		calloc(NR_FIXED + settings_nr_scalars + SETTINGS_NR_KINDS + 1, sizeof(*longs));
	struct option *next = longs;

	if (!longs)
		return NULL;
	for (size_t i = 0; i < NR_FIXED; i++)
		*next++ = fixed[i];
	for (size_t i = 0; i < settings_nr_scalars; i++)
		*next++ = (struct option) {
			.name = settings_scalars[i].option,
			.has_arg = settings_scalars[i].is_flag ? no_argument : required_argument,
			.val = OPTION_SETTING + (int)i,
		};
	for (int kind = 0; kind < SETTINGS_NR_KINDS; kind++)
		*next++ = (struct option) {
			.name = settings_kinds[kind],
			.has_arg = required_argument,
			.val = OPTION_TARGET + kind,
		};
	return longs;
}

static int refuse(struct mpol_error *err, const char *option, const char *value, const char *wanted)
{
	error_set(err, -EINVAL, STEP, "\"%.60s\" is not %s", value, wanted);
	error_on(err, "--%s", option);
	error_advise(err, "mpold --help");
	return -EINVAL;
}

static int take_setting(const struct setting *setting, const char *value, struct settings *settings,
			struct mpol_error *err)
{
	int r = setting->set(settings, setting->is_flag ? "true" : value);

	if (r == -ENOMEM)
		return error_errno(err, r, STEP);
	return r < 0 ? refuse(err, setting->option, value, setting->wanted) : 0;
}

static int take_target(enum settings_kind kind, const char *value, struct settings *settings,
		       struct mpol_error *err)
{
	int r = settings_add_target(settings, kind, value, HUGE_UNSAID);

	if (r == -E2BIG) {
		error_set(err, -EINVAL, STEP, "more than %d targets", SETTINGS_MOST_TARGETS);
		error_on(err, "--%s %.60s", settings_kinds[kind], value);
		return -EINVAL;
	}
	if (r == -ENOMEM)
		return error_errno(err, r, STEP);
	return r < 0 ? refuse(err, settings_kinds[kind], value, settings_kinds_wanted[kind]) : 0;
}

static void take_fixed(int option, const char *value, struct options *options)
{
	switch (option) {
	case OPTION_CHECK_CONFIG:
		options->action = OPTIONS_CHECK_CONFIG;
		break;
	case OPTION_CONFIG:
		options->paths.file = value;
		break;
	case OPTION_CONFIG_DIR:
		options->paths.folder = value;
		break;
	case OPTION_HELP:
		options->action = OPTIONS_HELP;
		break;
	default:
		options->action = OPTIONS_VERSION;
		break;
	}
}

static int refuse_argument(struct mpol_error *err, const char *argument, const char *cause)
{
	error_set(err, -EINVAL, STEP, "%s", cause);
	error_on(err, "%.100s", argument);
	error_advise(err, "mpold --help");
	return -EINVAL;
}

int options_read(int argc, char **argv, struct options *ret, struct settings *settings,
		 struct mpol_error *err)
{
	_cleanup_free_ struct option *longs = all_options();
	struct options options = { 0 };
	bool has_targets = false;
	int option, r = 0;

	if (!longs)
		return error_errno(err, -ENOMEM, STEP);
	optind = 0; /* from the beginning, each time: getopt(3) */
	opterr = 0;
	while (r == 0 && options.action != OPTIONS_HELP && options.action != OPTIONS_VERSION &&
	       (option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
		if (option == '?')
			return refuse_argument(err, argv[optind - 1],
					       optopt ? "it takes no value" : "no such option");
		if (option == ':')
			return refuse_argument(err, argv[optind - 1], "it wants a value");
		if (option >= OPTION_TARGET) {
			if (!has_targets)
				settings_forget_targets(settings);
			has_targets = true;
			r = take_target(option - OPTION_TARGET, optarg, settings, err);
		} else if (option >= OPTION_SETTING) {
			r = take_setting(&settings_scalars[option - OPTION_SETTING], optarg,
					 settings, err);
		} else {
			take_fixed(option, optarg, &options);
		}
	}
	if (r == 0 && options.action == OPTIONS_RUN && optind < argc)
		return refuse_argument(err, argv[optind], "it takes options only");
	if (r == 0)
		*ret = options;
	return r;
}
