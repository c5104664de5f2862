/* SPDX-License-Identifier: MIT */
/*
 * mpol run: sets its own policy, which exec(3) and all children inherit, and
 * becomes the command.  Exit statuses are env(1)'s where the command's cannot be.
 *
 * The policy is the first word, or numactl(8)'s options say it and the first word
 * is the command.  With --preload the environment takes a library to the command, which does
 * what a policy cannot (src/preload).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "derived-policy.h"
#include "error.h"
#include "numactl.h"
#include "report.h"
#include "verbs.h"

/* Takes the options, up to the first word that is none.  Returns VERB_OK or the exit status. */
static int parse_options(int argc, char **argv, struct numactl *numactl)
{
	static const struct option longs[] = { NUMACTL_LONGS, { 0 } };
	struct mpol_error error = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "+" NUMACTL_SHORTS, longs, NULL)) != -1) {
		if (option == '?') {
			fprintf(stderr, "  mpol run --help\n");
			return VERB_RUN_FAILED;
		}
		if (numactl_option(numactl, option, optarg, &error) < 0) {
			report_error("run", false, &error);
			return VERB_RUN_FAILED;
		}
	}
	if (numactl->balancing && numactl->memory != 'm')
		fprintf(stderr, "mpol run: --balancing goes with --membind and is ignored here, "
				"as by numactl\n");
	return VERB_OK;
}

/*
 * Without options the first word is the policy; and where --preload asks for one that no option has
 * said.  Returns where the command is, 0: there is none.
 */
static int find_command(int argc, char **argv, struct numactl *numactl, struct mpol_error *error)
{
	int command = optind; /* behind the options, and behind a "--" that ends them */

	if (optind == 1 || (numactl->preload && !numactl->memory)) {
		if (command < argc)
			numactl_option(numactl, NUMACTL_POLICY, argv[command], error);
		command++;
		if (command < argc && !strcmp(argv[command], "--"))
			command++;
	}
	return command < argc ? command : 0;
}

/* execvp has failed.  Returns the exit status. */
static int refuse_command(const char *command, int code)
{
	struct mpol_error error = { 0 };
	struct mpol_policy policy;

	error_errno(&error, code, "exec");
	error_on(&error, "%s", command);
	if (code == -ENOENT &&
	    (derived_policy_meant(command) || mpol_policy_parse(command, NULL, &policy, NULL) == 0))
		error_advise(&error,
			     "the first word after options is the command; a policy beside "
			     "them is --policy %s",
			     command);
	report_error("run", false, &error);
	return code == -ENOENT ? VERB_RUN_NO_COMMAND : VERB_RUN_CANNOT;
}

int cmd_run(int argc, char **argv)
{
	struct numactl numactl = { 0 };
	struct mpol_error error = { 0 };
	int r = parse_options(argc, argv, &numactl), command;

	if (r != VERB_OK)
		return r;
	command = find_command(argc, argv, &numactl, &error);
	if (!command) {
		fprintf(stderr, "mpol run: takes a policy and a command, as in mpol run "
				"interleave:all -- make\n  mpol run --help\n");
		return VERB_RUN_FAILED;
	}
	if (numactl_apply(&numactl, &error) < 0) {
		report_error("run", false, &error);
		return VERB_RUN_FAILED;
	}
	execvp(argv[command], &argv[command]);
	return refuse_command(argv[command], -errno);
}
