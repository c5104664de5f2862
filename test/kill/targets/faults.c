/* SPDX-License-Identifier: MIT */
/*
 * A target that faults all the time and lives on it, as virtual machines and
 * collectors do: its handlers look up the instruction that faulted, and go on
 * behind it.  An instruction that is not theirs is somebody else's doing.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "worker.h"

#define FAULTS_PER_ROUND 500
#define REST_US		 200

/* The instructions that fault, and those behind them. */
extern const char fault_read_byte[], after_read_byte[], fault_divide[], after_divide[],
	fault_opcode[], after_opcode[], fault_trap[], after_trap[];

static char *forbidden;
static __thread volatile long handled;

static void handle(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const char *pc = (const char *)registers[REG_RIP];
	const char *expected = signal == SIGSEGV  ? fault_read_byte
			       : signal == SIGFPE ? fault_divide
			       : signal == SIGILL ? fault_opcode
						  : after_trap;
	const char *after = signal == SIGSEGV  ? after_read_byte
			    : signal == SIGFPE ? after_divide
			    : signal == SIGILL ? after_opcode
					       : after_trap;

	if (pc != expected) {
		wrong("signal %d comes of an instruction at %p instead of %p", signal,
		      (const void *)pc, (const void *)expected);
		_exit(1);
	}
	if (signal == SIGSEGV && info->si_addr != forbidden)
		wrong("a fault at %p instead of %p", info->si_addr, (void *)forbidden);
	registers[REG_RIP] = (greg_t)(uintptr_t)after;
	handled++;
}

/* Not inlined, so that each label is there once; ret_sum: what is to survive the fault. */
#define FAULTING(name, instruction, input)                                  \
	__attribute__((noinline)) static uint64_t name(uint64_t sum)        \
	{                                                                   \
		__asm__ volatile("fault_" #name ":	" instruction "\n"  \
				 "after_" #name ":	lea 1(%[sum]), %[sum]\n" \
				 : [sum] "+r"(sum)                          \
				 : "D"(input)                               \
				 : "rax", "rdx", "cc", "memory");           \
		return sum;                                                 \
	}

FAULTING(read_byte, "movb (%%rdi), %%al", forbidden)
FAULTING(divide, "divl %%edi", 0)
FAULTING(opcode, "ud2", 0)
FAULTING(trap, "int3", 0)

static void fault(struct worker *worker)
{
	static uint64_t (*const ways[])(uint64_t) = { read_byte, divide, opcode, trap };
	uint64_t sum = 1000;
	long before = handled;

	for (int i = 0; i < FAULTS_PER_ROUND; i++)
		sum = ways[worker->number % 4](sum);
	if (sum != 1000 + FAULTS_PER_ROUND)
		wrong("the sum is %llu", (unsigned long long)sum);
	if (handled != before + FAULTS_PER_ROUND)
		wrong("%ld faults of %d were handled", handled - before, FAULTS_PER_ROUND);
}

int main(void)
{
	static const int signals[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	static struct worker workers[5];

	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (forbidden == MAP_FAILED)
		return 1;
	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &action, NULL);
	for (uintptr_t i = 0; i < 5; i++)
		workers[i] = (struct worker) { .once = fault, .number = i, .rest_us = REST_US };
	workers_run(workers, 5);
	return 0;
}
