/* SPDX-License-Identifier: MIT */
/*
 * A target with restartable sequences (rseq(2)): threads count on the CPU they
 * run on, without atomic instructions.  Whoever resumes a thread in the middle
 * of a sequence that should have been aborted loses counts or makes them twice.
 * Every round they meet and compare the CPUs' counts with their own.
 */
#include <sched.h>
#include <stddef.h>
#include <sys/rseq.h>

#include "worker.h"

#define NR_THREADS  4
#define NR_CPUS	    1024
#define ROUND_COUNT 300

struct cpu_count {
	uint64_t count;
} __attribute__((aligned(64)));

static struct cpu_count cpu_counts[NR_CPUS];
static uint64_t thread_counts[NR_THREADS];
static pthread_barrier_t barrier;

static struct rseq *own_rseq(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/*
 * Adds one to this CPU's count; false if the sequence was aborted.  It dwells
 * between load and store, so that a stop falls there.
 */
static bool count_once(struct rseq *rseq)
{
	uint32_t cpu = *(volatile uint32_t *)&rseq->cpu_id_start;

	__asm__ goto("	.pushsection __rseq_cs, \"aw\"\n"
		     "	.balign 32\n"
		     "1:	.long 0, 0\n"
		     "	.quad 2f, 3f - 2f, 4f\n"
		     "	.popsection\n"
		     "	leaq 1b(%%rip), %%rax\n"
		     "	movq %%rax, %c[cs](%[rseq])\n"
		     "2:	cmpl %[cpu], %c[cpu_id](%[rseq])\n"
		     "	jne %l[aborted]\n"
		     "	movq (%[count]), %%rax\n"
		     "	.rept 100\n"
		     "	pause\n"
		     "	.endr\n"
		     "	leaq 1(%%rax), %%rax\n"
		     "	movq %%rax, (%[count])\n"
		     "3:\n"
		     "	.pushsection .text.unlikely, \"ax\"\n"
		     "	.byte 0x0f, 0xb9, 0x3d\n"
		     "	.long %c[signature]\n"
		     "4:	jmp %l[aborted]\n"
		     "	.popsection\n"
		     :
		     : [rseq] "r"(rseq), [cpu] "r"(cpu), [count] "r"(&cpu_counts[cpu].count),
		       [cs] "i"(offsetof(struct rseq, rseq_cs)),
		       [cpu_id] "i"(offsetof(struct rseq, cpu_id)), [signature] "i"(RSEQ_SIG)
		     : "rax", "memory", "cc"
		     : aborted);
	return true;
aborted:
	return false;
}

static void compare(void)
{
	uint64_t by_cpus = 0, by_threads = 0;

	for (int i = 0; i < NR_CPUS; i++)
		by_cpus += cpu_counts[i].count;
	for (int i = 0; i < NR_THREADS; i++)
		by_threads += thread_counts[i];
	if (by_cpus != by_threads)
		wrong("the CPUs counted %llu, the threads %llu", (unsigned long long)by_cpus,
		      (unsigned long long)by_threads);
	cpu_counts[0].count += by_threads - by_cpus;
}

static void count(struct worker *worker)
{
	struct rseq *rseq = own_rseq();

	for (int i = 0; i < ROUND_COUNT;) {
		if (!count_once(rseq))
			continue;
		thread_counts[worker->number]++;
		i++;
	}
	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
		compare();
	pthread_barrier_wait(&barrier);
}

int main(void)
{
	static struct worker workers[NR_THREADS];

	if (!__rseq_size || (int32_t)own_rseq()->cpu_id < 0)
		skip_target("a C library and kernel with rseq(2)");
	pthread_barrier_init(&barrier, NULL, NR_THREADS);
	for (uintptr_t i = 0; i < NR_THREADS; i++)
		workers[i] = (struct worker) { .once = count, .number = i };
	workers_run(workers, NR_THREADS);
	return 0;
}
