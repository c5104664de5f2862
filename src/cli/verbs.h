/* SPDX-License-Identifier: MIT */
/* The verbs of mpol(1): each in cmd-<verb>.c, listed in main.c. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

/*
 * Runs a verb.  argv[0] is "mpol VERB", as its messages begin; getopt(3) takes
 * it from there.  --help is dealt with before.  Returns mpol's exit status:
 * VERB_OK and so on below.
 */
typedef int verb_fn(int argc, char **argv);

enum {
	VERB_OK = 0,	  /* done */
	VERB_FAILED = 1,  /* tried, and the machine or the kernel said no */
	VERB_USAGE = 2,	  /* bad arguments: nothing was tried */
	VERB_PARTIAL = 3, /* some threads or pages changed, some could not be */

	/* mpol run only, after env(1): else they are the command's own. */
	VERB_RUN_FAILED = 125,	   /* mpol itself failed; the command was not started */
	VERB_RUN_CANNOT = 126,	   /* the command was found but cannot be run */
	VERB_RUN_NO_COMMAND = 127, /* no such command */
};

struct verb {
	const char *name;
	verb_fn *run;
	const char *synopsis; /* what follows the name, every option included */
	const char *sentence; /* what it does */
	const char *options;  /* a line for each, for mpol VERB --help */
};

verb_fn cmd_bind;
verb_fn cmd_doctor;
verb_fn cmd_move;
verb_fn cmd_reapply;
verb_fn cmd_rebalance;
verb_fn cmd_record;
verb_fn cmd_run;
verb_fn cmd_set;
verb_fn cmd_show;
verb_fn cmd_sim;
verb_fn cmd_tier;
verb_fn cmd_topo;
verb_fn cmd_undo;
verb_fn cmd_weights;

#endif
