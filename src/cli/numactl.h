/* SPDX-License-Identifier: MIT */
/*
 * numactl(8)'s options, for mpol run: the same names, and the same policy and
 * CPUs for the same arguments.
 */
#ifndef CLI_NUMACTL_H
#define CLI_NUMACTL_H

#include <stdbool.h>

#include <mpol/mpol.h>

/* What getopt_long(3) returns for an option without a letter. */
enum {
	NUMACTL_POLICY = 0x2000, /* mpol's own: --policy POLICY */
	NUMACTL_PRELOAD,	 /* and --preload */
};

/* clang-format off */
#define NUMACTL_SHORTS "abc:C:i:lm:N:p:P:w:sHS:f:o:L:M:tI:dDuTV"
#define NUMACTL_LONGS                                                   \
	{ "all", no_argument, NULL, 'a' },                              \
	{ "balancing", no_argument, NULL, 'b' },                        \
	{ "cpubind", required_argument, NULL, 'N' },                    \
	{ "cpunodebind", required_argument, NULL, 'N' },                \
	{ "interleave", required_argument, NULL, 'i' },                 \
	{ "localalloc", no_argument, NULL, 'l' },                       \
	{ "membind", required_argument, NULL, 'm' },                    \
	{ "physcpubind", required_argument, NULL, 'C' },                \
	{ "policy", required_argument, NULL, NUMACTL_POLICY },          \
	{ "preferred", required_argument, NULL, 'p' },                  \
	{ "preload", no_argument, NULL, NUMACTL_PRELOAD },              \
	{ "preferred-many", required_argument, NULL, 'P' },             \
	{ "weighted-interleave", required_argument, NULL, 'w' },        \
	{ "show", no_argument, NULL, 's' },                             \
	{ "hardware", no_argument, NULL, 'H' },                         \
	{ "shm", required_argument, NULL, 'S' },                        \
	{ "shmid", required_argument, NULL, 'I' },                      \
	{ "file", required_argument, NULL, 'f' },                       \
	{ "offset", required_argument, NULL, 'o' },                     \
	{ "length", required_argument, NULL, 'L' },                     \
	{ "shmmode", required_argument, NULL, 'M' },                    \
	{ "strict", no_argument, NULL, 't' },                           \
	{ "dump", no_argument, NULL, 'd' },                             \
	{ "dump-nodes", no_argument, NULL, 'D' },                       \
	{ "huge", no_argument, NULL, 'u' },                             \
	{ "touch", no_argument, NULL, 'T' },                            \
	{ "verify", no_argument, NULL, 'V' }
/* clang-format on */

/* What the options say.  Zero-initialise. */
struct numactl {
	int memory; /* the option that says the policy, 0: none */
	const char *memory_argument;
	int cpus; /* 'N' or 'C', the last one given; 0: none */
	const char *cpus_argument;
	const char *last_nodes; /* what "same" stands for */
	bool all;		/* -a: what the cpuset does not allow may be named too */
	bool balancing;
	bool preload; /* weights that are not the kernel's are a library's affair */
};

/*
 * Takes an option.  Returns 0 or, with *error saying what to do instead, -EINVAL:
 * a second policy, "same" without a list before it, an option that is not about
 * running a command.
 */
int numactl_option(struct numactl *numactl, int option, const char *argument,
		   struct mpol_error *error);

/*
 * Sets the calling thread's CPUs, then its policy, as far as options name them.
 * Errors: -EINVAL, -ENODEV (bad lists), and those of mpol_topology_new,
 * mpol_policy_parse, mpol_set_mempolicy and sched_setaffinity(2); with preload those of preload.h,
 * and the environment is changed.
 */
int numactl_apply(const struct numactl *numactl, struct mpol_error *error);

#endif
