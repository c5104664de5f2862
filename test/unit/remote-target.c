/* SPDX-License-Identifier: MIT */
/* A process that notices when it is disturbed: see remote-target.h. */
#include "remote-target.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * int check_registers(void): gives every register a value of its own, dwells
 * without touching any, and returns the number of the first that has changed
 * (1-14 general, 15 the carry flag, 16 the red zone, 17 vector), or 0.
 */
int check_registers(void);
__asm__(".text\n"
	".type check_registers, @function\n"
	"check_registers:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	.set i, 8\n"
	"	.rept 16\n"
	"	movq $0x5a000000 + i, -i(%rsp)\n"
	"	.set i, i + 8\n"
	"	.endr\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	mov $0x71110000 + \\n, %eax; movq %rax, %xmm\\n\n"
	"	.endr\n"
	"	mov $0x1111111122222201, %rax; mov $0x1111111122222202, %rbx\n"
	"	mov $0x1111111122222203, %rcx; mov $0x1111111122222204, %rdx\n"
	"	mov $0x1111111122222205, %rsi; mov $0x1111111122222206, %rdi\n"
	"	mov $0x22222207, %ebp; mov $0x22222208, %r8d\n"
	"	mov $-0x22222209, %r9; mov $0x111111112222220a, %r10\n"
	"	mov $0x111111112222220b, %r11; mov $0x111111112222220c, %r12\n"
	"	mov $0x22220d, %r13d; mov $0x111111112222220e, %r14\n"
	"	mov $0x7766554433221100, %r15\n"
	"	stc\n"
	"	.rept 300\n"
	"	pause\n"
	"	.endr\n"
	"	jnc 15f\n"
	"	lea -0x22222201(%rax), %rax; shl $32, %rax; jnz 1f\n"
	"	mov $0x1111111122222202, %rax; cmp %rax, %rbx; jne 2f\n"
	"	mov $0x1111111122222203, %rax; cmp %rax, %rcx; jne 3f\n"
	"	mov $0x1111111122222204, %rax; cmp %rax, %rdx; jne 4f\n"
	"	mov $0x1111111122222205, %rax; cmp %rax, %rsi; jne 5f\n"
	"	mov $0x1111111122222206, %rax; cmp %rax, %rdi; jne 6f\n"
	"	mov $0x22222207, %eax; cmp %rax, %rbp; jne 7f\n"
	"	mov $0x22222208, %eax; cmp %rax, %r8; jne 8f\n"
	"	mov $-0x22222209, %rax; cmp %rax, %r9; jne 9f\n"
	"	mov $0x111111112222220a, %rax; cmp %rax, %r10; jne 10f\n"
	"	mov $0x111111112222220b, %rax; cmp %rax, %r11; jne 11f\n"
	"	mov $0x111111112222220c, %rax; cmp %rax, %r12; jne 12f\n"
	"	mov $0x22220d, %eax; cmp %rax, %r13; jne 13f\n"
	"	mov $0x111111112222220e, %rax; cmp %rax, %r14; jne 14f\n"
	"	mov $0x7766554433221100, %rax; cmp %rax, %r15; jne 14f\n"
	"	.set i, 8\n"
	"	.rept 16\n"
	"	cmpq $0x5a000000 + i, -i(%rsp); jne 16f\n"
	"	.set i, i + 8\n"
	"	.endr\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movq %xmm\\n, %rax; cmp $0x71110000 + \\n, %rax; jne 17f\n"
	"	.endr\n"
	"	xor %eax, %eax; jmp 99f\n"
	"1:	mov $1, %eax; jmp 99f\n"
	"2:	mov $2, %eax; jmp 99f\n"
	"3:	mov $3, %eax; jmp 99f\n"
	"4:	mov $4, %eax; jmp 99f\n"
	"5:	mov $5, %eax; jmp 99f\n"
	"6:	mov $6, %eax; jmp 99f\n"
	"7:	mov $7, %eax; jmp 99f\n"
	"8:	mov $8, %eax; jmp 99f\n"
	"9:	mov $9, %eax; jmp 99f\n"
	"10:	mov $10, %eax; jmp 99f\n"
	"11:	mov $11, %eax; jmp 99f\n"
	"12:	mov $12, %eax; jmp 99f\n"
	"13:	mov $13, %eax; jmp 99f\n"
	"14:	mov $14, %eax; jmp 99f\n"
	"15:	mov $15, %eax; jmp 99f\n"
	"16:	mov $16, %eax; jmp 99f\n"
	"17:	mov $17, %eax\n"
	"99:	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".size check_registers, . - check_registers\n");

/* Fed by the feeder every few milliseconds. */
enum { PIPE_READ, PIPE_POLL, PIPE_SELECT, PIPE_EPOLL, NR_PIPES };
static int pipes[NR_PIPES][2];
static int futex_word;
static __thread volatile sig_atomic_t handled;
static _Atomic pthread_t suspended; /* the thread in sigsuspend, 0 until it is there */

static int64_t elapsed_ns(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000000000LL + now.tv_nsec - since->tv_nsec;
}

/* Each returns 0, or a number that says what went wrong. */

/* Of a wait that has ended by its limit. */
static int judge_limit(const struct timespec *start, int64_t limit_ms)
{
	const int64_t early_ns = limit_ms * 1000000 - elapsed_ns(start);

	if (early_ns > 0)
		fprintf(stderr, "target: %lld us before its time:\n", (long long)early_ns / 1000);
	return early_ns > 0 ? 1000 : 0;
}

static int once_nanosleep(void)
{
	struct timespec start, length = { .tv_nsec = 20000000 };

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (nanosleep(&length, NULL) < 0)
		return errno;
	return judge_limit(&start, 20);
}

static int once_poll_timeout(void)
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (poll(NULL, 0, 15) < 0)
		return errno;
	return judge_limit(&start, 15);
}

/* result of a wait of limit_ms for what never comes; ended: how it is to end. */
static int timed_out(const struct timespec *start, bool ended, int64_t limit_ms)
{
	if (!ended)
		return errno ? errno : 1004;
	return judge_limit(start, limit_ms);
}

static int once_epoll_timeout(void)
{
	static __thread int epoll;
	struct epoll_event event;
	struct timespec start;

	if (!epoll)
		epoll = epoll_create1(EPOLL_CLOEXEC);
	errno = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	return timed_out(&start, epoll_wait(epoll, &event, 1, 17) == 0, 17);
}

static int once_sigtimedwait(void)
{
	struct timespec start, limit = { .tv_nsec = 13000000 };
	sigset_t usr2;

	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	clock_gettime(CLOCK_MONOTONIC, &start);
	return timed_out(&start, sigtimedwait(&usr2, NULL, &limit) < 0 && errno == EAGAIN, 13);
}

static int take_byte(int pipe)
{
	char byte = 0;

	if (read(pipes[pipe][0], &byte, 1) != 1)
		return errno ? errno : 1001;
	return byte == 'x' ? 0 : 1002;
}

static int once_read(void)
{
	return take_byte(PIPE_READ);
}

static int once_poll(void)
{
	struct pollfd fd = { .fd = pipes[PIPE_POLL][0], .events = POLLIN };

	return poll(&fd, 1, -1) == 1 ? take_byte(PIPE_POLL) : errno;
}

static int once_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipes[PIPE_SELECT][0], &set);
	return select(pipes[PIPE_SELECT][0] + 1, &set, NULL, NULL, NULL) == 1
		       ? take_byte(PIPE_SELECT)
		       : errno;
}

static int once_epoll(void)
{
	static int epoll = -1;
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll < 0) {
		epoll = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[PIPE_EPOLL][0], &event);
	}
	return epoll_wait(epoll, &event, 1, -1) == 1 ? take_byte(PIPE_EPOLL) : errno;
}

static int once_futex(void)
{
	if (syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0)
		return 0;
	return errno;
}

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

static int once_sigsuspend(void)
{
	sigset_t none;

	handled = 0;
	sigemptyset(&none);
	sigsuspend(&none); /* SIGUSR1 is blocked but here */
	return handled ? 0 : 1003;
}

static void *feed(void *unused)
{
	(void)unused;
	for (;;) {
		for (int i = 0; i < NR_PIPES; i++)
			if (write(pipes[i][1], "x", 1) != 1)
				_exit(1);
		syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		if (suspended)
			pthread_kill(suspended, SIGUSR1);
		usleep(3000);
	}
	return NULL;
}

static const struct {
	const char *what;
	int (*once)(void);
	bool may_be_interrupted; /* signal(7): by any stop; by one of ours only if we are killed */
} activities[] = {
	{ "registers", check_registers },
	{ "registers too", check_registers },
	{ "nanosleep", once_nanosleep },
	{ "poll with time-out", once_poll_timeout },
	{ "read", once_read },
	{ "poll", once_poll },
	{ "select", once_select },
	{ "epoll_wait", once_epoll, true },
	{ "futex", once_futex },
	{ "sigsuspend", once_sigsuspend },
	{ "epoll_wait with time-out", once_epoll_timeout, true },
	{ "sigtimedwait", once_sigtimedwait, true },
};

#define NR_ACTIVITIES ((int)(sizeof(activities) / sizeof(activities[0])))

static struct target_state *state;

static void *work(void *number)
{
	int me = (int)(intptr_t)number;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	state->threads[me].what = activities[me].what;
	state->threads[me].tid = gettid();
	if (activities[me].once == once_sigsuspend)
		suspended = pthread_self();
	for (;;) {
		int result = activities[me].once();

		if (result == EINTR && activities[me].may_be_interrupted) {
			state->threads[me].interruptions++;
		} else if (result) {
			fprintf(stderr, "target: %s: %d (%s)\n", activities[me].what, result,
				strerror(result));
			state->threads[me].failures++;
		}
		state->threads[me].rounds++;
	}
	return NULL;
}

static void run_target(void)
{
	struct sigaction action = { .sa_handler = count_signal };
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < NR_PIPES; i++)
		if (pipe(pipes[i]) < 0)
			_exit(1);
	for (int i = 1; i < NR_ACTIVITIES; i++)
		if (pthread_create(&thread, NULL, work, (void *)(intptr_t)i))
			_exit(1);
	if (pthread_create(&thread, NULL, feed, NULL))
		_exit(1);
	state->nr_threads = NR_ACTIVITIES;
	state->ready = true;
	work(NULL);
}

struct target target_start(void)
{
	struct target target;

	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (state == MAP_FAILED)
		exit(99);
	target.state = state;
	target.pid = fork();
	if (target.pid < 0)
		exit(99);
	if (target.pid == 0) {
		run_target();
		_exit(1);
	}
	if (!target_progresses(&target, 2)) {
		fprintf(stderr, "the target does not start\n");
		exit(99);
	}
	return target;
}

long target_failures(const struct target *target)
{
	long sum = 0;

	for (int i = 0; i < target->state->nr_threads; i++)
		sum += target->state->threads[i].failures;
	return sum;
}

long target_interruptions(const struct target *target)
{
	long sum = 0;

	for (int i = 0; i < target->state->nr_threads; i++)
		sum += target->state->threads[i].interruptions;
	return sum;
}

bool target_progresses(const struct target *target, long rounds)
{
	long before[TARGET_MAX_THREADS];
	int waited_ms = 0, thread = 0;

	for (int i = 0; i < TARGET_MAX_THREADS; i++)
		before[i] = target->state->threads[i].rounds;
	while (!target->state->ready || thread < target->state->nr_threads) {
		if (target->state->ready &&
		    target->state->threads[thread].rounds >= before[thread] + rounds) {
			thread++;
			continue;
		}
		if (waited_ms++ > 10000) {
			fprintf(stderr, "thread %d (%s) stands still\n",
				target->state->threads[thread].tid,
				target->state->threads[thread].what);
			return false;
		}
		usleep(1000);
	}
	return true;
}

bool target_is_free(const struct target *target)
{
	bool is_free = true;

	for (int i = 0; i < target->state->nr_threads; i++) {
		char path[64], line[128];
		FILE *status;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/status", target->pid,
			 target->state->threads[i].tid);
		status = fopen(path, "r");
		if (!status)
			return false;
		while (fgets(line, sizeof(line), status))
			if ((!strncmp(line, "TracerPid:", 10) && atoi(line + 10)) ||
			    !strncmp(line, "State:\tt", 8) || !strncmp(line, "State:\tT", 8))
				is_free = false;
		fclose(status);
	}
	return is_free;
}

bool target_stop(struct target *target)
{
	int status;
	bool alive = waitpid(target->pid, &status, WNOHANG) == 0;

	if (alive) {
		kill(target->pid, SIGKILL);
		waitpid(target->pid, &status, 0);
	} else {
		fprintf(stderr, "the target has died: status 0x%x\n", status);
	}
	munmap(target->state, sizeof(*target->state));
	return alive;
}
