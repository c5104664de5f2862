/* SPDX-License-Identifier: MIT */
/* mpol(1): finds the verb and runs it, or says how it is used. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <mpol/mpol.h>

#include "driving.h"
#include "journaling.h"
#include "listen.h"
#include "targets.h"
#include "verbs.h"

#define JSON_OPTION "  --json          print one JSON document\n"

static const struct verb verbs[] = {
	{ "topo", cmd_topo, "[--json] [--machine NAME | --root DIR | --machines]",
	  "show nodes, distances, speeds",
	  JSON_OPTION
	  "  --machine NAME  a described machine, not the running one: its name or file\n"
	  "  --machines      the machines known by name\n"
	  "  --root DIR      a recorded /sys below DIR\n" },
	{ "show", cmd_show,
	  TARGETS_SYNOPSIS
	  " [--threads] [--vmas] [--explain] [--pages] [--json]" JOURNALING_SYNOPSIS,
	  "show policies of processes and where their memory is",
	  JSON_OPTION
	  "  --threads       each thread with its policy\n"
	  "  --vmas          each range with its policy and its memory by node\n"
	  "  --explain       each range, and what serves it: the kernel, stripes, rebalance\n"
	  "  --pages         runs of neighbouring pages on one node\n"
	  "  --range S-E     of these, only the addresses S to E (hexadecimal)\n"
	  "  --root DIR      a recorded /proc below DIR\n"
	  "  --journal FILE  what mpol has set is there, not in the usual journal\n"
	  "  --no-journal    say nothing of what mpol has set\n" TARGETS_OPTIONS },
	{ "set", cmd_set,
	  TARGETS_SYNOPSIS
	  " POLICY [--thread TID] [--move] [--dry-run] [--json]" JOURNALING_SYNOPSIS,
	  "change the policy of running processes",
	  JSON_OPTION
	  "  --thread TID    only this thread of the process\n"
	  "  --move          also move the pages that are there already\n"
	  "  --dry-run       say what would be changed, change nothing\n" JOURNALING_OPTIONS
		  TARGETS_OPTIONS },
	{ "bind", cmd_bind,
	  TARGETS_SYNOPSIS " RANGE[,RANGE...] POLICY [--move] [--dry-run] [--json]" DRIVING_SYNOPSIS
		  JOURNALING_SYNOPSIS,
	  "give ranges of processes a policy of their own",
	  JSON_OPTION
	  "  --move          also move the pages that are there already\n"
	  "  --dry-run       say what would be changed, change nothing\n" DRIVING_OPTIONS
		  JOURNALING_OPTIONS TARGETS_OPTIONS
	  "A RANGE is 0xSTART-0xEND, 0xSTART+SIZE, heap, stack, anon, shm, "
	  "file:PATTERN or all.\n" },
	{ "undo", cmd_undo,
	  "{" TARGETS_WORDS " | --weights | --all | --change ID} [--all] [--force] [--dry-run] "
	  "[--json] [--journal FILE]\n       mpol undo --list [--json] [--journal FILE]",
	  "take changes back that mpol made",
	  JSON_OPTION
	  "  --all           every change, not only the last one; of every process if "
	  "none is named\n"
	  "  --change ID     that change\n"
	  "  --weights       changes of the kernel's interleave weights, not of a process\n"
	  "  --root DIR      with --weights: the /sys below DIR\n"
	  "  --list          the changes that can be taken back\n"
	  "  --force         also what somebody else has changed since\n"
	  "  --dry-run       say what would be done, do nothing\n"
	  "  --journal FILE  the journal, if it is not the usual one\n" TARGETS_OPTIONS },
	{ "reapply", cmd_reapply,
	  "{" TARGETS_WORDS " | --all} [--check | --dry-run] [--json] [--journal FILE]",
	  "set policies again that are not what mpol set them to",
	  JSON_OPTION
	  "  --all           every process in the journal\n"
	  "  --check         set nothing; exit with 1 if a policy is not as intended\n"
	  "  --dry-run       say what would be set, set nothing\n"
	  "  --journal FILE  the journal, if it is not the usual one\n" TARGETS_OPTIONS },
	{ "move", cmd_move,
	  TARGETS_SYNOPSIS
	  " --to NODES [--from NODES] [--rate BANDWIDTH] [--shared] [--dry-run] [--json]",
	  "move memory of processes between nodes",
	  "  --to NODES      where to, such as 0-1 or all; batches go to them in turn\n"
	  "  --from NODES    where from; every other node unless given\n"
	  "  --rate BANDWIDTH  at most, such as 200MB/s\n"
	  "  --shared        also pages that other processes map (needs CAP_SYS_NICE)\n"
	  "  --dry-run       say what would be moved, move nothing\n" JSON_OPTION TARGETS_OPTIONS },
	{ "rebalance", cmd_rebalance,
	  TARGETS_SYNOPSIS " [POLICY] [--drain NODES] [--rate BANDWIDTH] [--shared] "
			   "[--watch | --dry-run] [--json]" JOURNALING_SYNOPSIS,
	  "move memory of processes to where their policies put new one",
	  "  --drain NODES   empty these nodes, whatever a policy says\n"
	  "  --rate BANDWIDTH  at most, such as 200MB/s; 1GB/s unless given\n"
	  "  --shared        also pages that other processes map (needs CAP_SYS_NICE)\n"
	  "  --watch         again whenever weights, nodes, a cpuset or a policy have changed\n"
	  "  --dry-run       say what would be moved, move nothing\n"
	  "  --journal FILE  what mpol has set is there, not in the usual journal\n"
	  "  --no-journal    go by what the kernel shows alone\n" JSON_OPTION TARGETS_OPTIONS },
	{ "weights", cmd_weights,
	  "{show | explain | auto [--watch] | measure [--time DURATION] | set NODE=WEIGHT,... | "
	  "set default} "
	  "[--from NODE] [--nodes NODES] [--mix READS:WRITES] [--stated] [--machine NAME] "
	  "[--root DIR] [--dry-run] [--json]" JOURNALING_SYNOPSIS,
	  "derive interleave weights from bandwidths, set the kernel's",
	  "  show            the kernel's weights, and those derived\n"
	  "  explain         how they are derived, and what is not believed\n"
	  "  auto            give the kernel those derived\n"
	  "  measure         what memory delivers; the others go by it then\n"
	  "  set             give the kernel these; default: what it has by itself\n"
	  "  --from NODE     for the CPUs of this node; else for those of all\n"
	  "  --nodes NODES   only these\n"
	  "  --mix READS:WRITES  bytes read for bytes written: 2:1\n"
	  "  --stated        what firmware states, even if it was measured\n"
	  "  --time DURATION how long to measure, in all: 10s\n"
	  "  --watch         auto again whenever nodes come or go\n"
	  "  --machine NAME  bandwidths of a described machine: its name or file\n"
	  "  --root DIR      the /sys below DIR\n"
	  "  --dry-run       say what would be changed, change nothing\n" JSON_OPTION
		  JOURNALING_OPTIONS },
	{ "run", cmd_run, "{[--preload] POLICY | OPTIONS} [--] COMMAND [ARGUMENT...]",
	  "run a command under a policy",
	  "  --preload                   with weights: any, by a library that the command loads\n"
	  "numactl's options, instead of a POLICY:\n"
	  "  -m, --membind NODES         as bind:NODES\n"
	  "  -p, --preferred NODE        as prefer:NODE\n"
	  "  -P, --preferred-many NODES  as prefer-many:NODES\n"
	  "  -i, --interleave NODES      as interleave:NODES\n"
	  "  -w, --weighted-interleave NODES  as weighted:NODES\n"
	  "  -l, --localalloc            as local\n"
	  "  -b, --balancing             with --membind: as +balancing\n"
	  "  -N, --cpunodebind NODES     run on the CPUs of these nodes\n"
	  "  -C, --physcpubind CPUS      run on these CPUs\n"
	  "  -a, --all                   nodes and CPUs may be named that the cpuset forbids\n"
	  "  --policy POLICY             a POLICY, together with -N or -C\n" },
	{ "record", cmd_record,
	  "PID --output FILE [--time DURATION] [--interval DURATION] [--json]",
	  "write down which pages a process writes, for mpol sim",
	  "  --output FILE   the trace: mpol-trace(5)\n"
	  "  --time DURATION for how long; else until the process ends, or Ctrl-C\n"
	  "  --interval DURATION  how often to look: 1s\n" JSON_OPTION },
	{ "sim", cmd_sim,
	  "--workload WORKLOAD | --trace FILE [--machine NAME] [--policy NAMES] [--time DURATION] "
	  "[--start WHERE] "
	  "[--memory NODE=SIZE] [--kernel NODE=SIZE] [--cache NODE=SIZE] [--mempolicy "
	  "[REGION=]POLICY] [--copies N] [--thp] [--swap] [--seed N] [--interval DURATION] "
	  "[--plot PREFIX] [--json] | --list",
	  "predict what memory policies do on a machine",
	  "  --workload WORKLOAD  what runs, such as zipf:size=8GiB: mpol-workload(5)\n"
	  "  --trace FILE       the accesses of a trace instead: mpol-trace(5)\n"
	  "  --machine NAME     a known machine or a file; else this one (mpol topo --machines)\n"
	  "  --policy NAMES     which to compare: mpol,numab,first-touch,oracle\n"
	  "  --list             the policies that there are\n"
	  "  --time DURATION    of simulated time: 30s\n"
	  "  --start WHERE      pages at the start: touched, slow or absent\n"
	  "  --memory NODE=SIZE another size for a node\n"
	  "  --kernel NODE=SIZE what the kernel has there and never moves\n"
	  "  --cache NODE=SIZE  page cache there, which reclaim drops\n"
	  "  --mempolicy [REGION=]POLICY  of the program, or of one region of its memory\n"
	  "  --copies N         so many of the workload at once\n"
	  "  --thp              with transparent huge pages\n"
	  "  --swap             what cannot be demoted may be swapped out\n"
	  "  --seed N           of all that is random: 1\n"
	  "  --interval DURATION  of the time line\n"
	  "  --plot PREFIX      draw PREFIX-share.png, PREFIX-moves.png, "
	  "PREFIX-heat.png\n" JSON_OPTION },
	{ "tier", cmd_tier,
	  "{add " TARGETS_SYNOPSIS
	  " [--huge-pages HOW] | remove ID... | hint PID RANGE HINT | list | status | "
	  "decisions | pause [--reason TEXT] | resume} "
	  "[--socket PATH] [--json]",
	  "steer mpold, which keeps hot pages in fast memory",
	  "  add             manage processes, now and as they come\n"
	  "  remove          no longer those that were added under an id\n"
	  "  hint            say of a range that it is hot, cold, pinned, or none of these\n"
	  "  list            what was added, and the processes that it means\n"
	  "  status          how mpold sees accesses, what it has moved, what it costs\n"
	  "  decisions       the last rounds\n"
	  "  pause, resume   look at nothing and move nothing for a while\n"
	  "  --huge-pages HOW  of those that are added: whole, or split\n"
	  "  --reason TEXT   why, for those who wonder\n"
	  "  --socket PATH   of mpold, if it is not " CTL_SOCKET_PATH
	  "\n" JSON_OPTION TARGETS_OPTIONS },
	{ "doctor", cmd_doctor, "[PID] [--json] [--root DIR]",
	  "say what stands in the way of memory policy",
	  JSON_OPTION "  --root DIR      a recorded /sys and /proc below DIR\n" },
	{ NULL },
};

static void print_usage(FILE *stream)
{
	fprintf(stream, "Usage: mpol VERB [ARGUMENTS]\n\n");
	for (const struct verb *verb = verbs; verb->name; verb++)
		fprintf(stream, "  %-8s %s\n", verb->name, verb->sentence);
	fprintf(stream, "\nmpol VERB --help says how a verb is used; mpol-policy(7) what a POLICY "
			"is, such as bind:0-1\n");
}

static void print_verb_usage(const struct verb *verb)
{
	printf("Usage: mpol %s %s\n\n%s", verb->name, verb->synopsis, verb->options);
	printf("%sSee mpol-%s(1).\n", *verb->options ? "\n" : "", verb->name);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	char name[32];

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_verb_usage(verb);
		return VERB_OK;
	}
	snprintf(name, sizeof(name), "mpol %s", verb->name);
	argv[0] = name;
	return verb->run(argc, argv);
}

static int run(int argc, char **argv)
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
			return run_verb(verb, argc - 1, argv + 1);

	fprintf(stderr, "mpol: no such verb: %s\n  mpol --help lists them\n", argv[1]);
	return VERB_USAGE;
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* A full disk behind standard output is a failure too. */
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "mpol: write standard output: %s\n", strerror(errno));
		return VERB_FAILED;
	}
	return status;
}
