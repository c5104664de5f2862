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
};

struct verb {
	const char *name;
	verb_fn *run;
	const char *synopsis; /* what follows the name, every option included */
	const char *sentence; /* what it does */
};

verb_fn cmd_topo;

#endif
