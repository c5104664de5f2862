/* SPDX-License-Identifier: MIT */
/* The simulated scheduler: see scheduler.h. */
#include "scheduler.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "memory.h"
#include "random.h"

#define SCHEDULER_STREAM 0x73636865
#define MS_NS		 1000000ULL

const struct scheduler_config scheduler_defaults = {
	.run_ns = 1000 * MS_NS,
	.sleep_ns = 20 * MS_NS,
	.balance_ns = 8 * 32 * MS_NS,
	.imbalance_percent = 125,
};

enum thread_state { ENDED, ASLEEP, RUNNABLE };

struct scheduled {
	enum thread_state state;
	int node; /* where it is, or was before it slept */
	int home; /* -1: none */
	bool bound;
	bool runs;	   /* in this quantum */
	uint64_t phase_ns; /* what is left of its running, or its sleeping */
	uint64_t ran_ns;
	unsigned next, previous; /* in its queue, or around itself */
};

struct scheduled_node {
	unsigned nr_cpus;
	unsigned nr_runnable;
};

struct scheduler {
	struct scheduler_config config;
	int nr_nodes;
	unsigned nr_threads;
	unsigned nr_cpus;
	uint64_t quantum_ns; /* of the present quantum */
	uint64_t until_balance_ns;
	struct random random;
	struct scheduled_node nodes[MEMORY_MAX_NODES];
	struct scheduled threads[]; /* [nr_threads + nr_nodes]: the queues' heads are behind them */
};

DEFINE_CLEANUP(struct scheduler *, scheduler_free);

/* Of a list such as "0-5,12-17". */
static unsigned count_cpus(const char *list)
{
	unsigned count = 0;

	while (*list) {
		char *end;
		const unsigned long first = strtoul(list, &end, 10);
		unsigned long last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		count += (unsigned)(last - first + 1);
		list = *end == ',' ? end + 1 : "";
	}
	return count;
}

int scheduler_new(const struct scheduler_config *config, const struct machine *machine,
		  unsigned nr_threads, uint64_t seed, struct scheduler **ret_scheduler)
{
	const size_t nr = nr_threads + (size_t)machine->nr_nodes;
	_cleanup_(scheduler_freep) struct scheduler *scheduler =
		calloc(1, sizeof(*scheduler) + nr * sizeof(scheduler->threads[0]));

	if (!scheduler)
		return -ENOMEM;
	scheduler->config = *config;
	scheduler->nr_nodes = machine->nr_nodes;
	scheduler->nr_threads = nr_threads;
	scheduler->until_balance_ns = config->balance_ns;
	random_seed(&scheduler->random, seed, SCHEDULER_STREAM);
	for (int i = 0; i < machine->nr_nodes; i++) {
		scheduler->nodes[i].nr_cpus = count_cpus(machine->nodes[i].cpus);
		scheduler->nr_cpus += scheduler->nodes[i].nr_cpus;
	}
	if (!scheduler->nr_cpus)
		return -EINVAL;
	for (unsigned i = 0; i < nr; i++)
		scheduler->threads[i] = (struct scheduled) { .next = i, .previous = i };
	*ret_scheduler = steal_pointer(&scheduler);
	return 0;
}

void scheduler_free(struct scheduler *scheduler)
{
	free(scheduler);
}

bool scheduler_runs(const struct scheduler *scheduler, unsigned thread)
{
	return scheduler->threads[thread].runs;
}

int scheduler_node(const struct scheduler *scheduler, unsigned thread)
{
	return scheduler->threads[thread].node;
}

uint64_t scheduler_ran_ns(const struct scheduler *scheduler, unsigned thread)
{
	return scheduler->threads[thread].ran_ns;
}

unsigned scheduler_nr_cpus(const struct scheduler *scheduler, int node)
{
	return scheduler->nodes[node].nr_cpus;
}

static unsigned queue_of(const struct scheduler *scheduler, int node)
{
	return scheduler->nr_threads + (unsigned)node;
}

static void dequeue(struct scheduler *scheduler, unsigned thread)
{
	struct scheduled *own = &scheduler->threads[thread];

	scheduler->threads[own->previous].next = own->next;
	scheduler->threads[own->next].previous = own->previous;
	own->next = own->previous = thread;
	own->runs = false;
	scheduler->nodes[own->node].nr_runnable--;
}

/* To the end of its node's queue. */
static void enqueue(struct scheduler *scheduler, unsigned thread)
{
	struct scheduled *own = &scheduler->threads[thread];
	const unsigned head = queue_of(scheduler, own->node);
	const unsigned last = scheduler->threads[head].previous;

	own->next = head;
	own->previous = last;
	scheduler->threads[last].next = scheduler->threads[head].previous = thread;
	scheduler->nodes[own->node].nr_runnable++;
}

static void move(struct scheduler *scheduler, unsigned thread, int node)
{
	dequeue(scheduler, thread);
	scheduler->threads[thread].node = node;
	enqueue(scheduler, thread);
}

static uint64_t draw_phase(struct scheduler *scheduler, uint64_t mean_ns)
{
	return mean_ns ? 1 + random_below(&scheduler->random, 2 * mean_ns) : 0;
}

void scheduler_start(struct scheduler *scheduler, unsigned thread, int node, bool bound)
{
	struct scheduled *own = &scheduler->threads[thread];

	own->state = RUNNABLE;
	own->node = node;
	own->home = -1;
	own->bound = bound;
	own->phase_ns = draw_phase(scheduler, scheduler->config.run_ns);
	enqueue(scheduler, thread);
}

void scheduler_end(struct scheduler *scheduler, unsigned thread)
{
	struct scheduled *own = &scheduler->threads[thread];

	if (own->state == RUNNABLE)
		dequeue(scheduler, thread);
	own->state = ENDED;
}

void scheduler_set_home(struct scheduler *scheduler, unsigned thread, int node)
{
	if (!scheduler->threads[thread].bound)
		scheduler->threads[thread].home = node;
}

/*
 * Whether a node with one more thread would be busier than another with so many, by
 * more than a percentage.
 */
static bool would_be_busier(const struct scheduler *scheduler, int node, int than,
			    unsigned than_runnable, unsigned percent)
{
	const struct scheduled_node *one = &scheduler->nodes[node],
				    *other = &scheduler->nodes[than];

	return (uint64_t)(one->nr_runnable + 1) * other->nr_cpus * 100 >
	       (uint64_t)than_runnable * one->nr_cpus * percent;
}

static bool has_idle_cpu(const struct scheduler *scheduler, int node)
{
	return scheduler->nodes[node].nr_runnable < scheduler->nodes[node].nr_cpus;
}

/* The node of a CPU, any of them. */
static int some_cpus_node(struct scheduler *scheduler)
{
	uint64_t cpu = random_below(&scheduler->random, scheduler->nr_cpus);
	int node = 0;

	while (cpu >= scheduler->nodes[node].nr_cpus)
		cpu -= scheduler->nodes[node++].nr_cpus;
	return node;
}

static void wake(struct scheduler *scheduler, unsigned thread)
{
	struct scheduled *own = &scheduler->threads[thread];
	const int waker = some_cpus_node(scheduler);
	const int wanted = own->home >= 0 ? own->home : waker;
	const unsigned tolerated = own->home >= 0
					   ? scheduler->config.imbalance_percent
					   : 100 + (scheduler->config.imbalance_percent - 100) / 2;

	if (!own->bound && wanted != own->node &&
	    (has_idle_cpu(scheduler, wanted) ||
	     !would_be_busier(scheduler, wanted, own->node,
			      scheduler->nodes[own->node].nr_runnable + 1, tolerated)))
		own->node = wanted;
	own->state = RUNNABLE;
	own->phase_ns = draw_phase(scheduler, scheduler->config.run_ns);
	enqueue(scheduler, thread);
}

/* Whoever ran has had its turn, or goes to sleep. */
static void end_turns(struct scheduler *scheduler, int node)
{
	const unsigned head = queue_of(scheduler, node);
	unsigned thread;

	while ((thread = scheduler->threads[head].next) != head &&
	       scheduler->threads[thread].runs) {
		struct scheduled *own = &scheduler->threads[thread];

		own->ran_ns += scheduler->quantum_ns;
		dequeue(scheduler, thread);
		if (scheduler->config.run_ns && own->phase_ns <= scheduler->quantum_ns) {
			own->state = ASLEEP;
			own->phase_ns = draw_phase(scheduler, scheduler->config.sleep_ns);
			continue;
		}
		own->phase_ns -= scheduler->config.run_ns ? scheduler->quantum_ns : 0;
		enqueue(scheduler, thread);
	}
}

static void end_quantum(struct scheduler *scheduler)
{
	for (unsigned thread = 0; thread < scheduler->nr_threads; thread++) {
		struct scheduled *own = &scheduler->threads[thread];

		if (own->state != ASLEEP)
			continue;
		if (own->phase_ns <= scheduler->quantum_ns)
			wake(scheduler, thread);
		else
			own->phase_ns -= scheduler->quantum_ns;
	}
	/* Last: who goes to sleep now has not slept yet. */
	for (int node = 0; node < scheduler->nr_nodes; node++)
		end_turns(scheduler, node);
}

/* How readily a thread lets itself be taken elsewhere; 0: not at all. */
static unsigned readiness(const struct scheduled *own, int to, bool forced)
{
	if (own->bound)
		return 0;
	if (own->home == to)
		return 3;
	if (own->home != own->node)
		return 2;
	return forced;
}

/* Takes the one that is readiest, and of those has waited longest.  Returns whether there was one.
 */
static bool pull(struct scheduler *scheduler, int from, int to, bool forced)
{
	const unsigned head = queue_of(scheduler, from);
	unsigned best = head, best_readiness = 0;

	for (unsigned i = scheduler->threads[head].next; i != head;
	     i = scheduler->threads[i].next) {
		const unsigned its = readiness(&scheduler->threads[i], to, forced);

		if (its > best_readiness) {
			best = i;
			best_readiness = its;
		}
	}
	if (best == head)
		return false;
	move(scheduler, best, to);
	return true;
}

/* Whether a node is busier than another one by more than that. */
static bool is_busier(const struct scheduler *scheduler, int node, int than, unsigned percent)
{
	return (uint64_t)scheduler->nodes[node].nr_runnable * scheduler->nodes[than].nr_cpus * 100 >
	       (uint64_t)scheduler->nodes[than].nr_runnable * scheduler->nodes[node].nr_cpus *
		       percent;
}

/* Makes two nodes equal if they are out of balance; homes give in only as far as they must. */
static void equalize(struct scheduler *scheduler, int busy, int idle)
{
	const unsigned tolerated = scheduler->config.imbalance_percent;

	if (!is_busier(scheduler, busy, idle, tolerated))
		return;
	while (!would_be_busier(scheduler, idle, busy, scheduler->nodes[busy].nr_runnable - 1, 100))
		if (!pull(scheduler, busy, idle, is_busier(scheduler, busy, idle, tolerated)))
			return;
}

/*
 * Brings threads back to their homes, where that leaves the nodes in balance or there is one
 * to change places with that has no home there.
 */
static void go_home(struct scheduler *scheduler)
{
	for (unsigned thread = 0; thread < scheduler->nr_threads; thread++) {
		const struct scheduled *own = &scheduler->threads[thread];

		if (own->state != RUNNABLE || own->home < 0 || own->home == own->node)
			continue;
		if (has_idle_cpu(scheduler, own->home) ||
		    !would_be_busier(scheduler, own->home, own->node,
				     scheduler->nodes[own->node].nr_runnable - 1,
				     scheduler->config.imbalance_percent))
			move(scheduler, thread, own->home);
		else if (pull(scheduler, own->home, own->node, false))
			move(scheduler, thread, own->home);
	}
}

static void balance(struct scheduler *scheduler)
{
	for (int busy = 0; busy < scheduler->nr_nodes; busy++)
		for (int idle = 0; idle < scheduler->nr_nodes; idle++)
			if (scheduler->nodes[busy].nr_cpus && scheduler->nodes[idle].nr_cpus)
				equalize(scheduler, busy, idle);
	go_home(scheduler);
}

/* Of the nodes asked for, a bit each, the one with most threads that wait for a CPU, or -1. */
static int most_waiting(const struct scheduler *scheduler, uint64_t nodes)
{
	unsigned most = 0;
	int result = -1;

	for (int i = 0; i < scheduler->nr_nodes; i++) {
		const struct scheduled_node *node = &scheduler->nodes[i];

		if (nodes >> i & 1 && node->nr_runnable > node->nr_cpus &&
		    node->nr_runnable - node->nr_cpus > most) {
			most = node->nr_runnable - node->nr_cpus;
			result = i;
		}
	}
	return result;
}

/* Gives CPUs without work some. */
static void fill_idle_cpus(struct scheduler *scheduler)
{
	for (int i = 0; i < scheduler->nr_nodes; i++) {
		uint64_t nodes = UINT64_MAX;
		int from;

		while (has_idle_cpu(scheduler, i) && (from = most_waiting(scheduler, nodes)) >= 0)
			/* A node that has only bound ones is not asked again. */
			if (!pull(scheduler, from, i, true))
				nodes &= ~((uint64_t)1 << from);
	}
}

void scheduler_next(struct scheduler *scheduler, uint64_t quantum_ns)
{
	end_quantum(scheduler);
	if (scheduler->until_balance_ns <= scheduler->quantum_ns) {
		balance(scheduler);
		scheduler->until_balance_ns = scheduler->config.balance_ns;
	} else {
		scheduler->until_balance_ns -= scheduler->quantum_ns;
	}
	fill_idle_cpus(scheduler);
	for (int node = 0; node < scheduler->nr_nodes; node++) {
		unsigned thread = queue_of(scheduler, node);

		for (unsigned cpu = 0; cpu < scheduler->nodes[node].nr_cpus; cpu++) {
			thread = scheduler->threads[thread].next;
			if (thread >= scheduler->nr_threads)
				break;
			scheduler->threads[thread].runs = true;
		}
	}
	scheduler->quantum_ns = quantum_ns;
}
