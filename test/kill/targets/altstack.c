/* SPDX-License-Identifier: MIT */
/*
 * A target with stacks of the smallest size, nearly used up, and with signal
 * handlers that run on stacks of their own (sigaltstack(2)): there is no room
 * for anybody else's frame, and what lies below the stack pointer is watched.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker.h"

#define NR_DEEP	     2
#define NR_SIGNALLED 2
#define ALT_BYTES    16384
#define TINY_BYTES   4096

static __thread char *alternate;
static __thread volatile int handled;

/* Keeps a pattern in nearly all of the red zone's page and beyond, down to the guard page. */
__attribute__((noinline)) static void fill_stack(struct worker *worker, char *lowest)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), pattern = ++worker->number;
	volatile uintptr_t *words = (volatile uintptr_t *)lowest;
	size_t nr = (here - 1024 - (uintptr_t)lowest) / sizeof(*words);

	for (size_t i = 0; i < nr; i++)
		words[i] = pattern + i;
	for (int i = 0; i < 500; i++)
		__builtin_ia32_pause();
	for (size_t i = 0; i < nr; i++)
		if (words[i] != pattern + i)
			wrong("the stack's word %zu below the frame has changed", nr - i);
}

/* Moves to a stack of one page with a page on either side that must not be touched. */
static void fill_tiny_stack(struct worker *worker)
{
	static __thread char *stack;

	if (!stack) {
		stack = mmap(NULL, 3 * TINY_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack == MAP_FAILED ||
		    mprotect(stack + TINY_BYTES, TINY_BYTES, PROT_READ | PROT_WRITE) < 0)
			_exit(1);
	}
	__asm__ volatile("	mov %%rsp, %%rbx\n"
			 "	mov %[top], %%rsp\n"
			 "	call *%[fill]\n"
			 "	mov %%rbx, %%rsp\n"
			 :
			 : [top] "r"(stack + 2 * TINY_BYTES), [fill] "r"(fill_stack), "D"(worker),
			   "S"(stack + TINY_BYTES)
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void handle(int signal)
{
	char here[512];

	(void)signal;
	memset(here, 0x5a, sizeof(here));
	__asm__ volatile("" : : "r"(here) : "memory");
	if ((char *)here < alternate || (char *)here >= alternate + ALT_BYTES)
		wrong("a handler does not run on the alternate stack");
	for (int i = 0; i < 500; i++)
		__builtin_ia32_pause();
	for (size_t i = 0; i < sizeof(here); i++)
		if (here[i] != 0x5a)
			wrong("a handler's frame has changed");
	handled++;
}

/* disarmed: the kernel takes the alternate stack away while the handler runs (SS_AUTODISARM). */
static void signal_oneself(struct worker *worker)
{
	stack_t stack = { .ss_size = ALT_BYTES, .ss_flags = worker->number ? (int)(1U << 31) : 0 };
	int before = handled;

	if (!alternate) {
		alternate = mmap(NULL, ALT_BYTES, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (alternate == MAP_FAILED)
			_exit(1);
		stack.ss_sp = alternate;
		if (sigaltstack(&stack, NULL) < 0)
			call_failed("sigaltstack");
	}
	if (syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) < 0)
		call_failed("tgkill");
	if (handled != before + 1)
		wrong("%d handlers ran instead of one", handled - before);
	if (sigaltstack(NULL, &stack) < 0 || stack.ss_sp != alternate || stack.ss_size != ALT_BYTES)
		wrong("the alternate stack is another one");
}

int main(void)
{
	static struct worker workers[NR_DEEP + NR_SIGNALLED];
	struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

	sigaction(SIGUSR1, &action, NULL);
	for (uintptr_t i = 0; i < NR_DEEP + NR_SIGNALLED; i++)
		workers[i] = (struct worker) {
			.once = i < NR_DEEP ? fill_tiny_stack : signal_oneself,
			.number = i % 2,
			.rest_us = 200,
			.stack_bytes = 16384,
		};
	workers_run(workers, NR_DEEP + NR_SIGNALLED);
	return 0;
}
