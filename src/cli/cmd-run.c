/* SPDX-License-Identifier: MIT */
/*
 * mpol run: sets its own policy, which exec(3) and all children inherit, and
 * becomes the command.  Exit statuses are env(1)'s where the command's cannot be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "arguments.h"
#include "error.h"
#include "report.h"
#include "verbs.h"

static int set_policy(const char *text, struct mpol_error *error)
{
	struct mpol_policy policy;
	struct mpol_args args;
	int r = argument_policy(text, &policy, error);

	if (r < 0)
		return r;
	mpol_policy_to_args(&policy, &args);
	args.error = error;
	return mpol_set_mempolicy(&args, sizeof(args));
}

int cmd_run(int argc, char **argv)
{
	int command = argc > 2 && !strcmp(argv[2], "--") ? 3 : 2;
	struct mpol_error error;

	if (argc > 1 && argv[1][0] == '-') {
		fprintf(stderr, "mpol run: takes no option %s\n  mpol run --help\n", argv[1]);
		return VERB_RUN_FAILED;
	}
	if (argc <= command) {
		fprintf(stderr, "mpol run: takes a policy and a command, as in mpol run "
				"interleave:all -- make\n  mpol run --help\n");
		return VERB_RUN_FAILED;
	}
	if (set_policy(argv[1], &error) < 0) {
		report_error("run", false, &error);
		return VERB_RUN_FAILED;
	}
	execvp(argv[command], &argv[command]);
	error_errno(&error, -errno, "exec");
	error_on(&error, "%s", argv[command]);
	report_error("run", false, &error);
	return error.code == -ENOENT ? VERB_RUN_NO_COMMAND : VERB_RUN_CANNOT;
}
