/* SPDX-License-Identifier: MIT */
/*
 * play: a workload of the simulator (mpol-workload(5)) on real memory, to compare what
 * the simulator predicts with what a kernel does.
 *
 * It says "prepared" and waits for a line on its standard input: only what it has yet to map is
 * missing then.  It maps the workload's pages behind one another, base pages unless it is asked for
 * huge ones, writes one word of each in order, says "ready", and waits for another line.  At once
 * it then makes exactly the workload's accesses, one load or store of 8 bytes each, so many per
 * second in bursts; between these it runs, as the simulator's threads do, and never sleeps: the
 * kernel scans a program's memory by the CPU time that it has had.  In the range that it names
 * nothing else is loaded or stored.
 *
 * It begins at a whole half second of its CPU time.  The kernel's scanner counts that in
 * whole periods (task_tick_numa), of half a second for a memory of 256 to 512 MiB; so when it
 * scans first, after the scanner was switched on, does not depend on how long the start took.
 *
 * An emulated CPU forgets no translation unless it is told to, and so would set no accessed bit
 * twice: after each burst all translations are dropped.
 *
 * Output: JSON lines, "prepared", "ready", an "interval" each, "end".  This tells what the accesses
 * took of the CPU, with the faults that they met (busy_ns), and what the kernel took for itself
 * while there was nothing to do (away_ns): moments in which the clock stood still for long.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "nodemask.h"
#include "player.h"
#include "text.h"
#include "touch.h"
#include "units.h"
#include "workload.h"

#define NS_PER_S       1000000000ULL
#define ALIGN_NS       (NS_PER_S / 2)
#define BURSTS_PER_S   100
#define BURSTS_MAX     10000
#define BURST_MAX      65536
#define LINE_BYTES     64
#define LINES_PER_PAGE (WORKLOAD_PAGE_BYTES / LINE_BYTES)
#define SCRATCH_BYTES  (64 * WORKLOAD_PAGE_BYTES) /* above 33 pages Linux flushes them all */
#define AWAY_NS	       50000ULL /* reading the clock twice takes less, of which one or two are a tick */
#define KERNEL_BIND    2	/* MPOL_BIND of linux/mempolicy.h */

struct settings {
	const char *text;
	uint64_t seed;
	uint64_t rate;	 /* accesses per second */
	uint64_t bursts; /* per second */
	uint64_t duration_ns, interval_ns;
	bool huge;
	struct nodemask start; /* where its memory is at first; empty: anywhere */
};

struct player {
	const struct settings *settings;
	struct workload *workload;
	const struct workload_info *info;
	char *memory;
	char *scratch;
	uint64_t start_ns;
	uint64_t accesses, writes; /* since start_ns */
	uint64_t latest_ns;	   /* the most that a burst began late */
	uint64_t busy_ns, away_ns; /* CPU time */
	uint32_t burst[BURST_MAX];
};

static void die(const char *step)
{
	fprintf(stderr, "play: %s: %s\n", step, strerror(errno));
	exit(1);
}

/* Runs until the next whole half second of CPU time. */
static void align(void)
{
	const uint64_t then_ns = (clock_ns(CLOCK_THREAD_CPUTIME_ID) / ALIGN_NS + 1) * ALIGN_NS;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < then_ns)
		;
}

static size_t memory_bytes(const struct player *player)
{
	return (size_t)player->info->nr_pages * WORKLOAD_PAGE_BYTES;
}

static void map_scratch(struct player *player)
{
	player->scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (player->scratch == MAP_FAILED)
		die("map scratch memory");
}

/* Takes memory from these nodes only; empty: from any, as at the start. */
static void bind_to(const struct nodemask *nodes)
{
	const bool any = nodemask_empty(nodes);

	if (syscall(SYS_set_mempolicy, any ? 0 : KERNEL_BIND, any ? NULL : nodes->bits,
		    any ? 0 : NODEMASK_KERNEL_MAXNODE) < 0)
		die("set_mempolicy");
}

/* The workload's memory, touched in the order of its pages. */
static void map_memory(struct player *player)
{
	player->memory =
		mmap((void *)PLAYER_MEMORY, memory_bytes(player), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (player->memory == MAP_FAILED)
		die("map the workload's memory");
	if (madvise(player->memory, memory_bytes(player),
		    player->settings->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) < 0 &&
	    errno != EINVAL)
		die("madvise");
	bind_to(&player->settings->start);
	for (uint32_t page = 0; page < player->info->nr_pages; page++)
		touch_store(player->memory + (size_t)page * WORKLOAD_PAGE_BYTES, page);
	bind_to(&(struct nodemask) { 0 });
}

/* A change of so many pages' protection flushes all that the CPU has translated. */
static void forget_translations(const struct player *player)
{
	if (mprotect(player->scratch, SCRATCH_BYTES, PROT_READ) < 0 ||
	    mprotect(player->scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE) < 0)
		die("mprotect");
}

/* The next accesses, at most so many; returns how many there were. */
static uint64_t play_burst(struct player *player, uint64_t most)
{
	const size_t nr = workload_fill(player->workload, 0, player->burst, most);
	const uint64_t began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < nr; i++) {
		const uint64_t line = (player->accesses + i) % LINES_PER_PAGE;
		char *at = player->memory +
			   (size_t)(player->burst[i] & ~ACCESS_WRITE) * WORKLOAD_PAGE_BYTES +
			   line * LINE_BYTES;

		if (player->burst[i] & ACCESS_WRITE) {
			touch_store(at, line);
			player->writes++;
		} else {
			touch_load(at);
		}
	}
	player->busy_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
	player->accesses += nr;
	return nr;
}

/* Runs until then. */
static void await(struct player *player, uint64_t then_ns)
{
	uint64_t late_ns = clock_now_ns(), cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (late_ns > then_ns && late_ns - then_ns > player->latest_ns)
		player->latest_ns = late_ns - then_ns;
	while (clock_now_ns() < then_ns) {
		const uint64_t before_ns = cpu_ns;

		cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		if (cpu_ns - before_ns > AWAY_NS)
			player->away_ns += cpu_ns - before_ns;
	}
}

static void say_interval(const struct player *player, uint64_t interval, uint64_t accesses)
{
	printf("{\"event\": \"interval\", \"interval\": %" PRIu64 ", \"accesses\": %" PRIu64 "}\n",
	       interval, player->accesses - accesses);
}

/*
 * Burst after burst, each at its time: the rate holds over any longer while, also after a
 * burst that was late.
 */
static void play(struct player *player)
{
	const struct settings *settings = player->settings;
	const uint64_t total =
		(uint64_t)((unsigned __int128)settings->rate * settings->duration_ns / NS_PER_S);
	const uint64_t burst = (settings->rate + settings->bursts - 1) / settings->bursts;
	uint64_t interval = 0, before = 0;

	player->start_ns = clock_now_ns();
	while (player->accesses < total) {
		const uint64_t at_ns =
			(uint64_t)((unsigned __int128)player->accesses * NS_PER_S / settings->rate);
		const uint64_t left = total - player->accesses;
		const uint64_t wanted = left < burst ? left : burst;

		await(player, player->start_ns + at_ns);
		if (at_ns / settings->interval_ns > interval) {
			say_interval(player, interval, before);
			interval = at_ns / settings->interval_ns;
			before = player->accesses;
		}
		if (play_burst(player, wanted) < wanted)
			break;
		forget_translations(player);
	}
	say_interval(player, interval, before);
}

static void await_line(void)
{
	int c;

	do {
		c = getchar();
	} while (c != '\n' && c != EOF);
	if (c == EOF) {
		fprintf(stderr, "play: its standard input ended before the line that starts it\n");
		exit(1);
	}
}

static int usage(const char *why)
{
	if (why)
		fprintf(stderr, "play: %s\n", why);
	fprintf(why ? stderr : stdout,
		"Usage: play [OPTIONS] WORKLOAD\n"
		"\n"
		"Makes the accesses of a workload, mpol-workload(5), of one thread on real "
		"memory.\n"
		"\n"
		"  --bursts N           per second, 1 to %d (%d); what accesses come to in one, a\n"
		"                       tracker sees as one access\n"
		"  --huge               huge pages, where the kernel has them\n"
		"  --rate N             accesses per second, up to %d in each burst (100000)\n"
		"  --time DURATION      how long (10s)\n"
		"  --interval DURATION  how often to say how many (1s)\n"
		"  --seed N             of the workload (1)\n"
		"  --start NODES        put its memory there at first, such as 1\n",
		BURSTS_MAX, BURSTS_PER_S, BURST_MAX);
	return why ? 2 : 0;
}

static int read_settings(int argc, char **argv, struct settings *settings)
{
	static const struct option longs[] = {
		{ "bursts", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ "huge", no_argument, NULL, 'H' },
		{ "interval", required_argument, NULL, 'i' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "start", required_argument, NULL, 'S' },
		{ "time", required_argument, NULL, 't' },
		{ 0 },
	};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'i')
			r = units_parse_duration(optarg, &settings->interval_ns);
		else if (option == 'r')
			r = parse_u64(optarg, 10, &settings->rate);
		else if (option == 'b')
			r = parse_u64(optarg, 10, &settings->bursts);
		else if (option == 's')
			r = parse_u64(optarg, 10, &settings->seed);
		else if (option == 'H')
			settings->huge = true;
		else if (option == 'S')
			r = nodemask_parse(optarg, &settings->start);
		else if (option == 't')
			r = units_parse_duration(optarg, &settings->duration_ns);
		else if (option == 'h')
			exit(usage(NULL));
		else
			return usage("");
	}
	if (r < 0)
		return usage("not a number, a duration such as 10s, or nodes such as 0,2");
	if (!settings->bursts || settings->bursts > BURSTS_MAX ||
	    settings->rate < settings->bursts || settings->rate > BURST_MAX * settings->bursts ||
	    !settings->interval_ns)
		return usage("a rate, bursts or interval out of bounds");
	if (argc - optind != 1)
		return usage("give one workload");
	settings->text = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.seed = 1,
		.rate = 100000,
		.bursts = BURSTS_PER_S,
		.duration_ns = 10 * NS_PER_S,
		.interval_ns = NS_PER_S,
	};
	static struct player player;
	struct mpol_error error = { 0 };
	int r = read_settings(argc, argv, &settings);

	if (r)
		return r;
	if (workload_new(settings.text, settings.seed, &player.workload, &error) < 0) {
		fprintf(stderr, "play: %s: %s: %s\n", error.step, error.object, error.cause);
		return 2;
	}
	player.settings = &settings;
	player.info = workload_info(player.workload);
	if (player.info->nr_threads != 1)
		return usage("only a workload of one thread, threads=1, can be played");
	setvbuf(stdout, NULL, _IOLBF, 0);
	map_scratch(&player);
	/* Else what it hardly uses would be demoted, and would then be scanned as the workload is.
	 */
	if (mlockall(MCL_CURRENT) < 0)
		die("mlockall");
	memset(player.burst, 1,
	       sizeof(player.burst)); /* there, before anybody looks at what is free */
	printf("{\"event\": \"prepared\"}\n");
	await_line();
	map_memory(&player);
	align(); /* before, as those who await "ready" begin together with it */
	printf("{\"event\": \"ready\", \"pages\": %u, \"start\": \"%" PRIxPTR
	       "\", \"end\": \"%" PRIxPTR "\"}\n",
	       player.info->nr_pages, (uintptr_t)player.memory,
	       (uintptr_t)player.memory + memory_bytes(&player));
	await_line();
	play(&player);
	printf("{\"event\": \"end\", \"accesses\": %" PRIu64 ", \"writes\": %" PRIu64
	       ", \"start_ns\": %" PRIu64 ", \"ran_ns\": %" PRIu64 ", \"latest_ns\": %" PRIu64
	       ", \"busy_ns\": %" PRIu64 ", \"away_ns\": %" PRIu64 "}\n",
	       player.accesses, player.writes, player.start_ns, clock_now_ns() - player.start_ns,
	       player.latest_ns, player.busy_ns, player.away_ns);
	workload_free(player.workload);
	return 0;
}
