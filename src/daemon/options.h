/* SPDX-License-Identifier: MIT */
/* mpold's command line, mpold(8). */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "config.h"
#include "rule.h"
#include "settings.h"

#define OPTIONS_USAGE                                                                              \
	"Usage: mpold [--pid PID] [--cgroup PATH] [--match REGEX] [--tree PID] [--unit UNIT]...\n" \
	"             [--budget PERCENT] [--bandwidth SPEED] [--call-time TIME]\n"                 \
	"             [--tracker NAME] [--rule NAME] [--huge-pages HOW] [--kernel-tiering HOW]\n"  \
	"             [--socket PATH] [--dry-run]\n"                                               \
	"             [--config FILE] [--config-dir FOLDER] [--check-config]\n\n"                  \
	"Keeps hot pages of processes in fast memory and cold ones in slow memory.\n\n"            \
	"  --pid PID            manage this process\n"                                             \
	"  --cgroup PATH        those of a cgroup, now and as they come; so, too:\n"               \
	"  --match REGEX        those whose command line matches\n"                                \
	"  --tree PID           a process and its descendants\n"                                   \
	"  --unit UNIT          those of a systemd unit\n"                                         \
	"  --budget PERCENT     of a CPU, ours and targets', for looking at memory: 1%\n"          \
	"  --bandwidth SPEED    move so much per second at most: 1GiB/s\n"                         \
	"  --call-time TIME     one call that moves pages may take about so long: 10ms\n"          \
	"  --tracker NAME       see accesses this way: " TRACKER_NAMES "; the best that works\n"   \
	"  --rule NAME          who is hot enough: " RULE_NAMES "\n"                               \
	"  --huge-pages HOW     as one, or by their parts: whole, split; whole\n"                  \
	"  --kernel-tiering HOW the kernel's own, while mpold works: off, keep; off\n"             \
	"  --socket PATH        be steered there while it runs, as by mpol tier\n"                 \
	"  --dry-run            look and decide, move nothing\n"                                   \
	"  --config FILE        read this instead of " CONFIG_FILE "\n"                            \
	"  --config-dir FOLDER  and the files *.yaml there, instead of " CONFIG_FOLDER "\n"        \
	"  --check-config       only say whether the configuration is valid\n"                     \
	"  --help, --version\n\n"                                                                  \
	"See mpold(8) and mpold.yaml(5).\n"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK_CONFIG,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

/* What is no setting.  Texts are those of the arguments. */
struct options {
	enum options_action action;
	struct config_paths paths;
};

/*
 * Reads the arguments, and changes settings as they say; if they name targets, those take the place
 * of all that are there.  To be called twice: for the paths and for what is wrong with the
 * arguments, and again when the files have been read.
 * Errors: -EINVAL (err tells), -ENOMEM.
 */
int options_read(int argc, char **argv, struct options *ret, struct settings *settings,
		 struct mpol_error *err);

#endif
