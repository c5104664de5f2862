/* SPDX-License-Identifier: MIT */
/*
 * load: gives a real program the work of one of the simulator's workloads (mpol-workload(5)): the
 * number of a page is the number of a record.  It writes all records, then asks without a
 * pause, and checks what it gets.
 *
 * Usage: load redis|sqlite WHERE WORKLOAD
 *
 *   - redis: WHERE is its Unix socket; sqlite: two FIFOs, "IN:OUT", of a shell of sqlite3.
 *   - SIGUSR1: other records are popular from now on (the workload with the next seed).
 *   - SIGTERM: asks for each record once more, and ends.
 *
 * Output: JSON lines: "filled"; each half second an "interval" with the accesses that were
 * answered; "shift"; "end".  Exit status: 0; 1: an answer was wrong; 2: it could not work.
 */
#include "load.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "workload.h"

#define INTERVAL_NS 500000000ULL

struct load {
	const struct service_kind *kind;
	struct service *service;
	struct workload *workload;
	uint32_t nr_records;
	uint32_t *changes; /* of each record */
	uint64_t answers, wrong;
};

static volatile sig_atomic_t shift_wanted, end_wanted;

void fail(const char *step, const char *cause)
{
	fprintf(stderr, "load: %s: %s\n", step, cause);
	exit(2);
}

static void note_signal(int signal)
{
	if (signal == SIGUSR1)
		shift_wanted = 1;
	else
		end_wanted = 1;
}

static void heed_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static struct workload *new_workload(const char *text, uint64_t seed)
{
	struct workload *workload;
	struct mpol_error error = { 0 };

	if (workload_new(text, seed, &workload, &error) < 0)
		fail(error.object, error.cause);
	if (workload_info(workload)->nr_threads != 1)
		fail(text, "only a workload of one thread, threads=1, can be asked for");
	return workload;
}

static void ask(struct load *load, const uint32_t *accesses, size_t nr)
{
	load->wrong += load->kind->ask(load->service, accesses, nr, load->changes);
	load->answers += nr;
}

static void run(struct load *load, const char *text, uint64_t seed)
{
	uint64_t then_ns = clock_now_ns() + INTERVAL_NS, before = 0;
	uint32_t accesses[BATCH_MAX];

	while (!end_wanted) {
		if (shift_wanted) {
			shift_wanted = 0;
			workload_free(load->workload);
			load->workload = new_workload(text, ++seed);
			printf("{\"event\": \"shift\", \"ns\": %" PRIu64 "}\n", clock_now_ns());
		}
		ask(load, accesses, workload_fill(load->workload, 0, accesses, BATCH_MAX));
		if (clock_now_ns() < then_ns)
			continue;
		printf("{\"event\": \"interval\", \"ns\": %" PRIu64 ", \"answers\": %" PRIu64 "}\n",
		       then_ns, load->answers - before);
		before = load->answers;
		then_ns += INTERVAL_NS;
	}
}

/* Has all records looked at, which is where anything lost would show. */
static void read_all(struct load *load)
{
	uint32_t accesses[BATCH_MAX];

	for (uint32_t record = 0; record < load->nr_records;) {
		size_t nr = 0;

		while (nr < BATCH_MAX && record < load->nr_records)
			accesses[nr++] = record++;
		ask(load, accesses, nr);
	}
}

static const struct service_kind *kind_of(const char *name)
{
	static const struct service_kind *const kinds[] = { &redis_service, &sqlite_service };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	fail(name, "redis or sqlite is what can be given work");
}

int main(int argc, char **argv)
{
	const uint64_t seed = 1;
	struct load load = { 0 };

	if (argc != 4)
		fail("arguments", "give redis or sqlite, where it is, and a workload");
	load.kind = kind_of(argv[1]);
	load.workload = new_workload(argv[3], seed);
	load.nr_records = workload_info(load.workload)->nr_pages;
	load.changes = calloc(load.nr_records, sizeof(*load.changes));
	if (!load.changes)
		fail(argv[3], "not enough memory");
	setvbuf(stdout, NULL, _IOLBF, 0);
	heed_signals();
	load.service = load.kind->open(argv[2], load.nr_records);
	printf("{\"event\": \"filled\", \"records\": %" PRIu32 "}\n", load.nr_records);
	run(&load, argv[3], seed);
	read_all(&load);
	printf("{\"event\": \"end\", \"answers\": %" PRIu64 ", \"wrong\": %" PRIu64
	       ", \"read_again\": %" PRIu32 "}\n",
	       load.answers, load.wrong, load.nr_records);
	load.kind->close(load.service);
	workload_free(load.workload);
	free(load.changes);
	return load.wrong != 0;
}
