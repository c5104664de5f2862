/* SPDX-License-Identifier: MIT */
/*
 * oracle: what a policy could reach at best with so many pages of fast memory.
 *
 * In each phase it wants the pages in fast memory that are the most popular in that
 * phase, found out by making LONGER times as many accesses of the workload as there will be.  It
 * prints the shares that this gives, and moves the pages of a player (lab/play.c) accordingly, as
 * fast as move_pages(2) will, when a phase begins.
 *
 * Usage: oracle WORKLOAD SHIFT RATE SECONDS PHASE_SECONDS FAST_PAGES UNIT_PAGES
 *        [PID FAST SLOW]
 *
 *   - SHIFT: an option of the workload that takes a number of accesses: when it changes; or "".
 *   - PID, FAST, SLOW: the player, a fast and a slow node; without them nothing is moved.
 *
 * Output: a line for each half second of the workload's time: accesses to fast memory, and all;
 * then "ready" where a player is named, and a line of standard input is awaited: the start.  At
 * last it awaits the end of its input: its CPU time is there to be read until then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "player.h"
#include "text.h"
#include "workload.h"

#define INTERVALS    2 /* in a second */
#define LONGER	     20
#define BATCH	     512
#define FIRST_PAGE   (PLAYER_MEMORY / WORKLOAD_PAGE_BYTES)
#define MOVE_ALL     4 /* MPOL_MF_MOVE_ALL */
#define ACCESSES_MAX 65536
#define NS_PER_S     1000000000ULL

enum { RATE, SECONDS, PHASE_SECONDS, FAST_PAGES, UNIT_PAGES, PID, FAST, SLOW, NR_NUMBERS };

struct unit {
	uint32_t number;
	uint32_t accesses; /* in a phase */
};

struct oracle {
	uint64_t numbers[NR_NUMBERS];
	const char *text, *shift;
	uint32_t nr_units;
	unsigned nr_phases;
	uint8_t *fast; /* [nr_phases][nr_units]: whether it is to be in fast memory */
};

DEFINE_CLEANUP(struct workload *, workload_free);

static void die(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The workload at its beginning; its phases so many times as long. */
static struct workload *start(const struct oracle *oracle, unsigned longer)
{
	struct workload *workload;
	struct mpol_error error = { 0 };
	char text[512];
	int n = snprintf(text, sizeof(text), "%s", oracle->text);

	if (*oracle->shift)
		snprintf(text + n, sizeof(text) - (size_t)n, ",%s=%" PRIu64, oracle->shift,
			 oracle->numbers[RATE] * oracle->numbers[PHASE_SECONDS] * longer);
	if (workload_new(text, 1, &workload, &error) == 0)
		return workload;
	fprintf(stderr, "oracle: %s: %s: %s\n", error.step, error.object, error.cause);
	exit(2);
}

static uint32_t unit_of(const struct oracle *oracle, uint32_t access)
{
	return (access & ~ACCESS_WRITE) / (uint32_t)oracle->numbers[UNIT_PAGES];
}

/* The hottest first; of equals the one that comes first. */
static int compare(const void *one, const void *other)
{
	const struct unit *a = one, *b = other;

	if (a->accesses != b->accesses)
		return a->accesses < b->accesses ? 1 : -1;
	return a->number < b->number ? -1 : 1;
}

/* Calls for each access of the next so many. */
static void go_through(const struct oracle *oracle, struct workload *workload, uint64_t nr,
		       void (*each)(const struct oracle *, uint32_t unit, void *user), void *user)
{
	static uint32_t accesses[ACCESSES_MAX];

	while (nr) {
		const size_t got =
			workload_fill(workload, 0, accesses, nr < ACCESSES_MAX ? nr : ACCESSES_MAX);

		if (got == 0)
			return;
		for (size_t i = 0; i < got; i++)
			each(oracle, unit_of(oracle, accesses[i]), user);
		nr -= got;
	}
}

static void count(const struct oracle *oracle, uint32_t unit, void *user)
{
	struct unit *units = user;

	(void)oracle;
	units[unit].accesses++;
}

/* Chooses for all phases. */
static void look_ahead(struct oracle *oracle)
{
	_cleanup_(workload_freep) struct workload *workload = start(oracle, LONGER);
	const uint64_t room = oracle->numbers[FAST_PAGES] / oracle->numbers[UNIT_PAGES];
	_cleanup_free_ struct unit *units = calloc(oracle->nr_units, sizeof(*units));

	oracle->fast = calloc(oracle->nr_phases, oracle->nr_units);
	if (!units || !oracle->fast)
		die("memory");
	for (unsigned phase = 0; phase < oracle->nr_phases; phase++) {
		for (uint32_t i = 0; i < oracle->nr_units; i++)
			units[i] = (struct unit) { .number = i };
		go_through(oracle, workload,
			   oracle->numbers[RATE] * oracle->numbers[PHASE_SECONDS] * LONGER, count,
			   units);
		qsort(units, oracle->nr_units, sizeof(*units), compare);
		for (uint32_t i = 0; i < oracle->nr_units && i < room; i++)
			oracle->fast[(size_t)phase * oracle->nr_units + units[i].number] = 1;
	}
}

struct share {
	const uint8_t *fast_units;
	uint64_t fast;
};

static void share(const struct oracle *oracle, uint32_t unit, void *user)
{
	struct share *sum = user;

	(void)oracle;
	sum->fast += sum->fast_units[unit];
}

static void print_shares(const struct oracle *oracle)
{
	_cleanup_(workload_freep) struct workload *workload = start(oracle, 1);
	const uint64_t *numbers = oracle->numbers;

	for (uint64_t i = 0; i < numbers[SECONDS] * INTERVALS; i++) {
		const uint64_t phase = i / (numbers[PHASE_SECONDS] * INTERVALS);
		struct share sum = { .fast_units = oracle->fast + phase * oracle->nr_units };

		go_through(oracle, workload, numbers[RATE] / INTERVALS, share, &sum);
		printf("%" PRIu64 " %" PRIu64 "\n", sum.fast, numbers[RATE] / INTERVALS);
	}
}

static void move_batch(const struct oracle *oracle, void **pages, size_t nr, uint64_t node)
{
	int nodes[BATCH], status[BATCH];

	for (size_t i = 0; i < nr; i++)
		nodes[i] = (int)node;
	if (nr && syscall(SYS_move_pages, (pid_t)oracle->numbers[PID], nr, pages, nodes, status,
			  MOVE_ALL) < 0)
		die("move_pages");
}

/* Brings what is not wanted so in the phase before, or is wanted so in this, to a node. */
static void move_to(const struct oracle *oracle, unsigned phase, bool fast)
{
	const uint8_t *now = oracle->fast + (size_t)phase * oracle->nr_units;
	const uint8_t *before = phase ? now - oracle->nr_units : NULL;
	const uint64_t unit_pages = oracle->numbers[UNIT_PAGES];
	void *pages[BATCH];
	size_t nr = 0;

	for (uint32_t i = 0; i < oracle->nr_units; i++) {
		if (now[i] != fast || (before ? before[i] : 0) == fast)
			continue;
		pages[nr++] = (void *)((FIRST_PAGE + i * unit_pages) * WORKLOAD_PAGE_BYTES);
		if (nr == BATCH) {
			move_batch(oracle, pages, nr, oracle->numbers[fast ? FAST : SLOW]);
			nr = 0;
		}
	}
	move_batch(oracle, pages, nr, oracle->numbers[fast ? FAST : SLOW]);
}

static void move_all(const struct oracle *oracle)
{
	uint64_t began_ns;

	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		exit(1);
	began_ns = clock_now_ns();
	for (unsigned phase = 0; phase < oracle->nr_phases; phase++) {
		clock_sleep_until(began_ns + phase * oracle->numbers[PHASE_SECONDS] * NS_PER_S);
		move_to(oracle, phase, false);
		move_to(oracle, phase, true);
	}
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	struct oracle oracle = { 0 };
	_cleanup_(workload_freep) struct workload *workload = NULL;
	const int nr = argc - 3;

	if ((nr != UNIT_PAGES + 1 && nr != NR_NUMBERS) || strlen(argv[1]) > 256 ||
	    strlen(argv[2]) > 16) {
		fputs("Usage: oracle WORKLOAD SHIFT RATE SECONDS PHASE_SECONDS FAST_PAGES "
		      "UNIT_PAGES [PID FAST SLOW]\n",
		      stderr);
		return 2;
	}
	oracle.text = argv[1];
	oracle.shift = argv[2];
	for (int i = 0; i < nr; i++)
		if (parse_u64(argv[i + 3], 10, &oracle.numbers[i]) < 0 ||
		    (i < PID && !oracle.numbers[i])) {
			fprintf(stderr, "oracle: %s: not a number that is fit\n", argv[i + 3]);
			return 2;
		}
	workload = start(&oracle, 1);
	oracle.nr_units = workload_info(workload)->nr_pages / (uint32_t)oracle.numbers[UNIT_PAGES];
	oracle.nr_phases =
		(unsigned)((oracle.numbers[SECONDS] + oracle.numbers[PHASE_SECONDS] - 1) /
			   oracle.numbers[PHASE_SECONDS]);
	look_ahead(&oracle);
	print_shares(&oracle);
	fflush(stdout);
	if (nr == NR_NUMBERS)
		move_all(&oracle);
	free(oracle.fast);
	return 0;
}
