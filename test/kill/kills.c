/* SPDX-License-Identifier: MIT */
/*
 * kills [OPTIONS]: kills controllers over targets that check themselves, and
 * counts what harm came of it.  A controller (controller.c) is killed
 *
 *   at random     some time after it began, with or without its helper
 *   at steps      before or after each of its system calls (kill-at-step.c)
 *   at first use  the same on a target that has just started: there memory has
 *                 to be mapped first (only targets that start quickly)
 *
 * After each kill the target must go on, none of its threads may be stopped or
 * traced, and another controller must succeed.
 *
 * Exit status: 0: no harm was done; 1: some was; 2: wrong usage; 77: every
 * target was skipped (with MPOL_MUST_RUN=1: 1, also if only some were).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subject.h"

/* Then the rest of a target's kills is left out. */
#define MAX_FAILURES 10
/* Kills at random fall up to so long after the controller began. */
#define MAX_DELAY_US 4000

struct spec {
	const char *name;
	const char *runner; /* NULL: the program of that name beside this one */
	const char *script; /* what the runner is given, in the source folder */
	bool starts_quickly;
};

static const struct spec specs[] = {
	{ "registers", .starts_quickly = true },
	{ "compute", .starts_quickly = true },
	{ "blocked", .starts_quickly = true },
	{ "threads", .starts_quickly = true },
	{ "rseq", .starts_quickly = true },
	{ "signals", .starts_quickly = true },
	{ "faults", .starts_quickly = true },
	{ "altstack", .starts_quickly = true },
	{ "forks", .starts_quickly = true },
	{ "execs", .starts_quickly = true },
	{ "uring", .starts_quickly = true },
	{ "go", .starts_quickly = true },
	{ "java", "java", "Sums.java" },
	{ "python", "python3", "hashes.py" },
	{ "node", "node", "sums.js" },
	{ "redis", "python3", "redis.py" },
	{ "postgres", "python3", "postgres.py" },
};

#define NR_SPECS (sizeof(specs) / sizeof(specs[0]))

struct tally {
	long random, steps, first;	     /* kills */
	long crashed, wrong, eintr, stopped; /* harm */
	long stuck, refused;
	long documented; /* EINTR that signal(7) allows */
};

struct options {
	long number;
	unsigned int seed;
	long patience_s;
	const char *controller;
	bool chosen[NR_SPECS];
};

/* A target at work, and what became of it so far. */
struct campaign {
	const struct spec *spec;
	const struct options *options;
	struct subject subject;
	struct tally tally;
	unsigned int seed;
	long failures;
};

static char folder[4096]; /* of this program and its helpers */

static long harm(const struct tally *tally)
{
	return tally->crashed + tally->wrong + tally->eintr + tally->stopped + tally->stuck +
	       tally->refused;
}

/* ---- Programs beside this one ------------------------------------------------- */

static const char *beside(const char *name, char path[static 4200])
{
	snprintf(path, 4200, "%s/%s", folder, name);
	return path;
}

/* A controller in a process group of its own: its helper is of the group too. */
static pid_t start_controller(const struct campaign *campaign, const char *mode, pid_t target)
{
	char path[4200], seed[16], pid[16];
	pid_t child = fork();

	if (child)
		return child;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(seed, sizeof(seed), "%u", campaign->seed);
	snprintf(pid, sizeof(pid), "%d", target);
	execl(beside(campaign->options->controller, path), campaign->options->controller, mode,
	      seed, pid, NULL);
	_exit(126);
}

/*
 * kill-at-step's exit status.  STEP 0 kills nothing: *ret_steps is how many there are.
 */
static int kill_at_step(const struct campaign *campaign, const char *victim, long step,
			pid_t target, long *ret_steps)
{
	char tool[4200], controller[4200], command[9000];
	int status;
	FILE *out;

	snprintf(command, sizeof(command), "exec '%s' %s %ld '%s' once %u %d",
		 beside("kill-at-step", tool), victim, step,
		 beside(campaign->options->controller, controller), campaign->seed, target);
	out = popen(command, "re");
	if (!out)
		return 126;
	if (step == 0 && fscanf(out, "%ld", ret_steps) != 1)
		*ret_steps = 0;
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* ---- The target, and what is asked of it after each kill ------------------------- */

static int start_subject(struct campaign *campaign)
{
	const struct spec *spec = campaign->spec;
	char program[4200], script[4200];
	char *argv[4] = { (char *)beside(spec->name, program) };

	snprintf(script, sizeof(script), "%s/%s", KILL_TARGETS, spec->script ? spec->script : "");
	if (spec->runner) {
		argv[0] = (char *)spec->runner;
		argv[1] = script;
	}
	if (spec->runner && !strcmp(spec->runner, "java")) {
		argv[1] = (char *)"-Xmx48m";
		argv[2] = script;
	}
	campaign->subject.patience_s = campaign->options->patience_s;
	return subject_start(&campaign->subject, spec->name, argv);
}

/* Counts what it said; true if it had come to the end unasked. */
static bool stop_subject(struct campaign *campaign)
{
	struct subject *subject = &campaign->subject;
	bool crashed = !subject_stop(subject);

	campaign->tally.wrong += subject->wrong;
	campaign->tally.eintr += subject->eintr;
	campaign->tally.documented += subject->documented_eintr;
	return crashed;
}

static pid_t some_process(struct campaign *campaign)
{
	return campaign->subject.pids[rand_r(&campaign->seed) % campaign->subject.nr_pids];
}

/* Another controller must get its way. */
static bool is_open_to_others(struct campaign *campaign, pid_t target)
{
	pid_t child = start_controller(campaign, "verify", target);
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* It does not go on. */
static const char *has_ended_or_hangs(struct campaign *campaign)
{
	bool ended = campaign->subject.ended;

	*(ended ? &campaign->tally.crashed : &campaign->tally.stuck) += 1;
	return ended ? "crashed" : "stuck";
}

/* A word for what is not as it should be, or NULL.  Counts it. */
static const char *find_harm(struct campaign *campaign, pid_t target)
{
	struct subject *subject = &campaign->subject;

	if (!subject_is_free(subject)) {
		campaign->tally.stopped++;
		return "left stopped";
	}
	if (!subject_beats(subject, 1))
		return has_ended_or_hangs(campaign);
	if (!is_open_to_others(campaign, target)) {
		subject_listen(subject);
		if (subject->ended)
			return has_ended_or_hangs(campaign);
		campaign->tally.refused++;
		return "refuses another controller";
	}
	return subject_beats(subject, 1) ? NULL : has_ended_or_hangs(campaign);
}

/* Looks at the target after a kill; a harmed one is replaced.  False: not worth going on. */
static bool survey(struct campaign *campaign, pid_t target, const char *how)
{
	long told = campaign->subject.wrong + campaign->subject.eintr;
	const char *what = find_harm(campaign, target);

	if (campaign->subject.wrong + campaign->subject.eintr > told)
		what = what ? what : "disturbed";
	if (!what)
		return true;
	fprintf(stderr, "%s: %s after a kill %s; seed %u\n", campaign->spec->name, what, how,
		campaign->seed);
	if (stop_subject(campaign))
		fprintf(stderr, "%s: %s\n", campaign->spec->name, campaign->subject.text);
	return ++campaign->failures < MAX_FAILURES && start_subject(campaign) == 0;
}

/* ---- Three ways of killing ---------------------------------------------------------- */

static bool kill_at_random(struct campaign *campaign)
{
	pid_t target = some_process(campaign);
	pid_t child = start_controller(campaign, "loop", target);
	bool alone = rand_r(&campaign->seed) % 3 == 0;
	char how[64];
	int status, delay_us = (int)(rand_r(&campaign->seed) % MAX_DELAY_US);

	snprintf(how, sizeof(how), "at random, after %d us%s", delay_us,
		 alone ? ", of the controller alone" : "");
	if (child < 0 || waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) {
		campaign->tally.refused++;
		return survey(campaign, target, "that was none: the controller does not start");
	}
	kill(child, SIGCONT);
	usleep((useconds_t)delay_us);
	kill(alone ? child : -child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	campaign->tally.random++;
	return survey(campaign, target, how);
}

static const char *const victims[] = { "controller", "helper", "both" };

#define NR_VICTIMS 3

/* The step for the i-th of number kills among so many steps: each in turn, or spread over them. */
static long choose_step(struct campaign *campaign, long i, long number, long steps)
{
	if (number >= steps)
		return i % steps + 1;
	return (i * steps + rand_r(&campaign->seed) % steps) / number % steps + 1;
}

/* Another one, that nobody has touched. */
static bool replace_subject(struct campaign *campaign)
{
	if (!stop_subject(campaign) && start_subject(campaign) == 0)
		return true;
	campaign->tally.crashed++;
	return false;
}

/* How many there are to choose from, by a run in which nobody is killed. */
static bool count_steps(struct campaign *campaign, bool at_first_use, long ret_steps[NR_VICTIMS])
{
	for (int i = 0; i < NR_VICTIMS; i++) {
		pid_t target;

		if (at_first_use && !replace_subject(campaign))
			return false;
		target = some_process(campaign);
		if (kill_at_step(campaign, victims[i], 0, target, &ret_steps[i])) {
			campaign->tally.refused++;
			if (!survey(campaign, target, "that was none: the controller fails"))
				return false;
			ret_steps[i] = 0;
		}
	}
	return true;
}

/* Each step is by one seed, so that the next is the next. */
static bool kill_at_steps(struct campaign *campaign, long number, bool at_first_use)
{
	long each = (number + NR_VICTIMS - 1) / NR_VICTIMS, steps[NR_VICTIMS];
	unsigned int seed = campaign->seed;

	if (!count_steps(campaign, at_first_use, steps))
		return false;
	for (long i = 0; i < number; i++) {
		int victim = (int)(i % NR_VICTIMS), status;
		char how[64];
		pid_t target;
		long step;

		if (steps[victim] == 0)
			continue;
		if (at_first_use && !replace_subject(campaign))
			return false;
		target = some_process(campaign);
		step = choose_step(campaign, i / NR_VICTIMS, each, steps[victim]);
		campaign->seed = seed + (unsigned int)(i / NR_VICTIMS / steps[victim]);
		snprintf(how, sizeof(how), "of the %s at step %ld%s", victims[victim], step,
			 at_first_use ? " of the first use" : "");
		status = kill_at_step(campaign, victims[victim], step, target, NULL);
		/* 3: it took fewer steps this time. */
		campaign->tally.refused += status != 0 && status != 3;
		*(at_first_use ? &campaign->tally.first : &campaign->tally.steps) += status == 0;
		if (!survey(campaign, target, how))
			return false;
	}
	return true;
}

/* ---- A target's turn --------------------------------------------------------------------- */

static void print_head(void)
{
	printf("%-10s %8s %8s %9s | %7s %6s %6s %7s %6s %7s | %s\n", "target", "at", "at",
	       "at first", "crashed", "wrong", "EINTR", "left", "stuck", "refused", "EINTR as");
	printf("%-10s %8s %8s %9s | %7s %6s %6s %7s %6s %7s | %s\n", "", "random", "steps", "use",
	       "", "result", "", "stopped", "", "others", "documented");
}

static void print_row(const char *name, const struct tally *t)
{
	printf("%-10s %8ld %8ld %9ld | %7ld %6ld %6ld %7ld %6ld %7ld | %10ld\n", name, t->random,
	       t->steps, t->first, t->crashed, t->wrong, t->eintr, t->stopped, t->stuck, t->refused,
	       t->documented);
	fflush(stdout);
}

static void add(struct tally *sum, const struct tally *t)
{
	sum->random += t->random;
	sum->steps += t->steps;
	sum->first += t->first;
	sum->crashed += t->crashed;
	sum->wrong += t->wrong;
	sum->eintr += t->eintr;
	sum->stopped += t->stopped;
	sum->stuck += t->stuck;
	sum->refused += t->refused;
	sum->documented += t->documented;
}

static bool kill_all_ways(struct campaign *campaign, long number)
{
	long random = number * 2 / 5, first = campaign->spec->starts_quickly ? number / 5 : 0;

	for (long i = 0; i < random; i++)
		if (!kill_at_random(campaign))
			return false;
	if (!kill_at_steps(campaign, number - random - first, false))
		return false;
	return !first || kill_at_steps(campaign, first, true);
}

/* 0: it was its turn; 77: skipped. */
static int run_spec(const struct spec *spec, const struct options *options, long number,
		    struct tally *sum)
{
	struct campaign campaign = { .spec = spec, .options = options, .seed = options->seed };
	int r = start_subject(&campaign);

	if (r == 77) {
		printf("%-10s skipped: it needs %s\n", spec->name, campaign.subject.text + 5);
		return 77;
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", spec->name, campaign.subject.text);
		campaign.tally.crashed++;
	} else if (kill_all_ways(&campaign, number) && stop_subject(&campaign)) {
		fprintf(stderr, "%s: crashed: %s\n", spec->name, campaign.subject.text);
		campaign.tally.crashed++;
	}
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	print_row(spec->name, &campaign.tally);
	add(sum, &campaign.tally);
	return 0;
}

/* ---- Options ------------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: kills [--number N] [--target NAME]... [--seed N] [--naive]\n             "
		"[--patience N]\n\n"
		"Kills controllers N times (default 10000) over targets that check themselves:\n ");
	for (size_t i = 0; i < NR_SPECS; i++)
		fprintf(out, " %s", specs[i].name);
	fprintf(out,
		"\n\nExits 1 if a target was harmed.  --naive: controllers that do it the usual "
		"way,\nto see that harm is noticed.\n");
}

static int choose(struct options *options, const char *name)
{
	for (size_t i = 0; i < NR_SPECS; i++)
		if (!strcmp(specs[i].name, name)) {
			options->chosen[i] = true;
			return 0;
		}
	fprintf(stderr, "kills: no such target: %s (--help names them)\n", name);
	return 2;
}

/* 0: go on; -1: done; else the exit status. */
static int read_options(int argc, char *argv[], struct options *options)
{
	static const struct option known[] = {
		{ "number", required_argument, NULL, 'n' },
		{ "target", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "naive", no_argument, NULL, 'x' },
		{ "patience", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool any = false;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		char *end = NULL;

		if (option == 'n')
			options->number = strtol(optarg, &end, 10);
		else if (option == 's')
			options->seed = (unsigned int)strtoul(optarg, &end, 10);
		else if (option == 'p')
			options->patience_s = strtol(optarg, &end, 10);
		else if (option == 'x')
			options->controller = "naive";
		else if (option == 't' && choose(options, optarg))
			return 2;
		else if (option == 'h')
			return usage(stdout), -1;
		else if (option == '?')
			return 2;
		if (end && (*end || end == optarg || options->number < 1)) {
			fprintf(stderr, "kills: '%s' is not a number of kills, or a seed\n",
				optarg);
			return 2;
		}
		any = any || option == 't';
	}
	if (optind < argc) {
		fprintf(stderr, "kills takes no '%s'\n", argv[optind]);
		return 2;
	}
	for (size_t i = 0; !any && i < NR_SPECS; i++)
		options->chosen[i] = true;
	return 0;
}

static void find_folder(void)
{
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	if (n < 0)
		exit(1);
	folder[n] = '\0';
	*strrchr(folder, '/') = '\0';
}

int main(int argc, char *argv[])
{
	struct options options = {
		.number = 10000, .seed = 1, .patience_s = 60, .controller = "controller"
	};
	const char *must_run = getenv("MPOL_MUST_RUN");
	struct tally sum = { 0 };
	long nr = 0, skipped = 0;
	int r = read_options(argc, argv, &options);

	if (r)
		return r < 0 ? 0 : r;
	find_folder();
	signal(SIGPIPE, SIG_IGN);
	/* Helpers whose controller was killed are ours to bury. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; i < NR_SPECS; i++)
		nr += options.chosen[i];
	print_head();
	for (size_t i = 0; i < NR_SPECS; i++)
		if (options.chosen[i])
			skipped += run_spec(&specs[i], &options,
					    options.number / nr + (options.number % nr > 0),
					    &sum) == 77;
	print_row("all", &sum);
	if (skipped && must_run && !strcmp(must_run, "1"))
		return 1;
	return harm(&sum) ? 1 : skipped == nr ? 77 : 0;
}
