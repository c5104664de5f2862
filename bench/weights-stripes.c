/* SPDX-License-Identifier: MIT */
/*
 * What weights of its own cost a running process: 64 GiB that nothing has been put into are cut
 * into stripes.  How long the process is kept from its own work, in all and at once, and how many
 * ranges it has more; the same with weights anew, and without any again.  Needs two nodes with
 * memory: bench/weights-stripes.sh finds them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#define BYTES	  (64UL << 30)
#define NR_ROUNDS 3

struct costs {
	double total_ms, longest_ms;
	size_t more_vmas;
};

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "weights-stripes: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t start_target(void)
{
	char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pid_t pid;

	must(memory != MAP_FAILED, "map 64 GiB");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	munmap(memory, BYTES);
	return pid;
}

static size_t nr_vmas(pid_t pid)
{
	struct mpol_process *process;
	size_t nr;

	must(mpol_process_new(NULL, pid, MPOL_PROCESS_VMAS, &process, NULL) == 0, "look at it");
	nr = mpol_process_nr_vmas(process);
	mpol_process_free(process);
	return nr;
}

/* Weights for the first two nodes with memory. */
static struct mpol_policy weights_of(uint8_t first, uint8_t second)
{
	struct mpol_policy policy = { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	struct mpol_topology *topology;
	int nr = 0;

	must(mpol_topology_new(NULL, &topology, NULL) == 0, "read the topology");
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology) && nr < 2; i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		if (!node->has_memory)
			continue;
		policy.nodes[(size_t)node->id / (8 * sizeof(long))] |=
			1UL << ((size_t)node->id % (8 * sizeof(long)));
		policy.weights[node->id] = nr++ ? second : first;
	}
	must(nr == 2, "find two nodes with memory");
	mpol_topology_free(topology);
	return policy;
}

static void set_weights(pid_t pid, struct mpol_policy policy, struct costs *costs)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct mpol_error error = { 0 };
	struct mpol_report report;
	struct mpol_args args;
	double total_ms, longest_ms;

	must(pidfd >= 0, "pidfd_open");
	mpol_policy_to_args(&policy, &args);
	args.error = &error;
	if (mpol_process_apply(pidfd, 0, &args, sizeof(args), &report) < 0) {
		fprintf(stderr, "weights-stripes: %s: %s\n", error.step, error.cause);
		exit(1);
	}
	total_ms = (double)report.stripes.total_stop_ns / 1e6;
	longest_ms = (double)report.stripes.longest_stop_ns / 1e6;
	fprintf(stderr, "weights-stripes: %lu pieces, %lu stops, longest %.2f ms, %.1f ms in all\n",
		(unsigned long)report.stripes.nr_pieces, (unsigned long)report.stripes.nr_stops,
		longest_ms, total_ms);
	must(report.stripes.bytes >= BYTES, "cut all of it");
	if (total_ms > costs->total_ms)
		costs->total_ms = total_ms;
	if (longest_ms > costs->longest_ms)
		costs->longest_ms = longest_ms;
	mpol_report_free(&report);
	close(pidfd);
}

static void figure(const char *name, double value, const char *unit, double goal)
{
	printf("{\"name\": \"weights-stripes-%s\", \"value\": %.3f, \"unit\": \"%s\", \"goal\": "
	       "%g, "
	       "\"better\": \"less\"}\n",
	       name, value, unit, goal);
}

int main(void)
{
	struct costs costs = { 0 };

	for (int i = 0; i < NR_ROUNDS; i++) {
		const pid_t pid = start_target();
		const size_t before = nr_vmas(pid);
		size_t more;

		set_weights(pid, weights_of(3, 1), &costs);
		more = nr_vmas(pid) - before;
		set_weights(pid, weights_of(1, 2), &costs);
		if (nr_vmas(pid) - before > more)
			more = nr_vmas(pid) - before;
		if (more > costs.more_vmas)
			costs.more_vmas = more;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	figure("stop-64gib", costs.total_ms, "ms", 1000);
	figure("longest-stop", costs.longest_ms, "ms", 20);
	figure("more-ranges", (double)costs.more_vmas, "ranges", 4096);
	return 0;
}
