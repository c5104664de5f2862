/* SPDX-License-Identifier: MIT */
/*
 * A target whose threads are nearly always blocked, each in a call of its own:
 * none may end early, lose what was sent to it, or see a signal that nobody
 * sent.  Senders count, so that a value lost or doubled is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define FEED_NS 2000000
#define WAIT_NS 11000000

/* One for each worker that waits for descriptors: what the feeder writes to it. */
enum { READ, POLL, PPOLL, SELECT, PSELECT, EPOLL, EPOLL_PWAIT2, NR_PIPES };
static int pipes[NR_PIPES][2];
static uint8_t expected[NR_PIPES];

static int listener, silent[2], message_queue, semaphores;
static struct sockaddr_un address;
static socklen_t address_bytes = sizeof(address);
static int futex_word;
static _Atomic pthread_t suspended, waiting; /* in sigsuspend, in sigwaitinfo */
static volatile sig_atomic_t handled;

/* ---- Descriptors ------------------------------------------------------------ */

static void take_byte(int pipe, const char *call)
{
	uint8_t byte = 0;

	if (read(pipes[pipe][0], &byte, 1) != 1)
		call_failed("read");
	else if (byte != expected[pipe]++)
		wrong("%s: byte %d came instead of %d", call, byte, (uint8_t)(expected[pipe] - 1));
}

static void judge_ready(int result, int pipe, const char *call)
{
	if (result == 1)
		take_byte(pipe, call);
	else if (result < 0)
		call_failed(call);
	else
		wrong("%s without limit returned %d", call, result);
}

static void once_read(struct worker *worker)
{
	(void)worker;
	take_byte(READ, "read");
}

static void once_poll(struct worker *worker)
{
	struct pollfd fd = { .fd = pipes[POLL][0], .events = POLLIN };

	(void)worker;
	judge_ready(poll(&fd, 1, -1), POLL, "poll");
}

static void once_ppoll(struct worker *worker)
{
	struct pollfd fd = { .fd = pipes[PPOLL][0], .events = POLLIN };
	sigset_t mask;

	(void)worker;
	sigfillset(&mask);
	judge_ready(ppoll(&fd, 1, NULL, &mask), PPOLL, "ppoll");
}

static void once_select(struct worker *worker)
{
	fd_set set;

	(void)worker;
	FD_ZERO(&set);
	FD_SET(pipes[SELECT][0], &set);
	judge_ready(select(pipes[SELECT][0] + 1, &set, NULL, NULL, NULL), SELECT, "select");
}

static void once_pselect(struct worker *worker)
{
	sigset_t mask;
	fd_set set;

	(void)worker;
	sigfillset(&mask);
	FD_ZERO(&set);
	FD_SET(pipes[PSELECT][0], &set);
	judge_ready(pselect(pipes[PSELECT][0] + 1, &set, NULL, NULL, NULL, &mask), PSELECT,
		    "pselect");
}

static int new_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0)
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	return epoll;
}

static void once_epoll(struct worker *worker)
{
	static int epoll;
	struct epoll_event event;

	(void)worker;
	if (!epoll)
		epoll = new_epoll(pipes[EPOLL][0]);
	judge_ready(epoll_wait(epoll, &event, 1, -1), EPOLL, "epoll_wait");
}

static void once_epoll_pwait2(struct worker *worker)
{
	static int epoll;
	struct epoll_event event;

	(void)worker;
	if (!epoll)
		epoll = new_epoll(pipes[EPOLL_PWAIT2][0]);
	judge_ready((int)syscall(SYS_epoll_pwait2, epoll, &event, 1, NULL, NULL, 0), EPOLL_PWAIT2,
		    "epoll_pwait2");
}

static void once_accept(struct worker *worker)
{
	int fd = accept(listener, NULL, NULL);

	(void)worker;
	if (fd < 0)
		call_failed("accept");
	else
		close(fd);
}

/* ---- Times -------------------------------------------------------------------- */

static void once_nanosleep(struct worker *worker)
{
	struct timespec length = { .tv_nsec = WAIT_NS };
	int64_t start_ns = clock_ns();

	(void)worker;
	if (nanosleep(&length, NULL) < 0)
		call_failed("nanosleep");
	check_lasted("nanosleep", start_ns, WAIT_NS);
}

static void once_clock_nanosleep(struct worker *worker)
{
	int64_t start_ns = clock_ns(), end_ns = start_ns + WAIT_NS;
	struct timespec end = { end_ns / 1000000000, end_ns % 1000000000 };

	(void)worker;
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
	if (errno)
		call_failed("clock_nanosleep");
	check_lasted("clock_nanosleep", start_ns, WAIT_NS);
}

/* Of calls that end with 0 when their time is over. */
static void judge_timed(const char *call, int result, int64_t start_ns)
{
	if (result < 0)
		call_failed(call);
	else if (result)
		wrong("%s: %d came of nothing", call, result);
	else
		check_lasted(call, start_ns, WAIT_NS);
}

static void once_poll_timed(struct worker *worker)
{
	int64_t start_ns = clock_ns();

	(void)worker;
	judge_timed("poll", poll(NULL, 0, WAIT_NS / 1000000), start_ns);
}

static void once_epoll_timed(struct worker *worker)
{
	static int epoll;
	struct epoll_event event;
	int64_t start_ns = clock_ns();

	(void)worker;
	if (!epoll)
		epoll = new_epoll(-1);
	judge_timed("epoll_wait", epoll_wait(epoll, &event, 1, WAIT_NS / 1000000), start_ns);
}

static void once_select_timed(struct worker *worker)
{
	struct timeval limit = { .tv_usec = WAIT_NS / 1000 };
	int64_t start_ns = clock_ns();

	(void)worker;
	judge_timed("select", select(0, NULL, NULL, NULL, &limit), start_ns);
}

/* Of calls that end with EAGAIN when their time is over. */
static void judge_again(const char *call, long result, int64_t start_ns)
{
	if (result >= 0)
		wrong("%s: %ld came of nothing", call, result);
	else if (errno != EAGAIN && errno != ETIMEDOUT)
		call_failed(call);
	else
		check_lasted(call, start_ns, WAIT_NS);
}

static void once_sigtimedwait(struct worker *worker)
{
	struct timespec limit = { .tv_nsec = WAIT_NS };
	int64_t start_ns = clock_ns();
	sigset_t usr2;

	(void)worker;
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	judge_again("sigtimedwait", sigtimedwait(&usr2, NULL, &limit), start_ns);
}

static void once_semtimedop(struct worker *worker)
{
	struct timespec limit = { .tv_nsec = WAIT_NS };
	struct sembuf down = { .sem_num = 1, .sem_op = -1 };
	int64_t start_ns = clock_ns();

	(void)worker;
	judge_again("semtimedop", semtimedop(semaphores, &down, 1, &limit), start_ns);
}

/* A limit in jiffies, which a machine that was paused makes up for at once: no time is asked for.
 */
static void once_recv_timed(struct worker *worker)
{
	char byte;

	(void)worker;
	judge_again("recv with SO_RCVTIMEO", recv(silent[0], &byte, 1, 0), 0);
}

static void once_futex_timed(struct worker *worker)
{
	struct timespec limit = { .tv_nsec = WAIT_NS };
	int64_t start_ns = clock_ns();
	int word = 0;

	(void)worker;
	judge_again("futex", syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0),
		    start_ns);
}

/* ---- Messages, semaphores, signals ----------------------------------------------- */

static void once_futex(struct worker *worker)
{
	(void)worker;
	if (syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) < 0)
		call_failed("futex");
}

static void once_msgrcv(struct worker *worker)
{
	struct {
		long type;
		uint64_t number;
	} message;

	if (msgrcv(message_queue, &message, sizeof(message.number), 0, 0) < 0)
		call_failed("msgrcv");
	else if (message.number != worker->number++)
		wrong("msgrcv: number %llu came instead of %llu",
		      (unsigned long long)message.number, (unsigned long long)worker->number - 1);
}

static void once_semop(struct worker *worker)
{
	struct sembuf down = { .sem_num = 0, .sem_op = -1 };

	(void)worker;
	if (semop(semaphores, &down, 1) < 0)
		call_failed("semop");
}

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

static void once_sigsuspend(struct worker *worker)
{
	sigset_t none;

	(void)worker;
	suspended = pthread_self();
	handled = 0;
	sigemptyset(&none);
	sigsuspend(&none); /* SIGUSR1 is blocked but here */
	if (!handled)
		wrong("sigsuspend returned without a signal");
}

static void once_sigwaitinfo(struct worker *worker)
{
	sigset_t rtmin;

	(void)worker;
	waiting = pthread_self();
	sigemptyset(&rtmin);
	sigaddset(&rtmin, SIGRTMIN);
	if (sigwaitinfo(&rtmin, NULL) < 0)
		call_failed("sigwaitinfo");
}

/* ---- Who ends the waits ------------------------------------------------------------ */

static void feed_connection(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_bytes) < 0)
		call_failed("connect");
	close(fd);
}

/* Does not go further ahead than they can hold. */
static void feed(struct worker *worker)
{
	struct sembuf up = { .sem_num = 0, .sem_op = 1 };
	struct {
		long type;
		uint64_t number;
	} message = { 1, worker->number };
	uint8_t byte = (uint8_t)worker->number++;

	for (int i = 0; i < NR_PIPES; i++)
		if (write(pipes[i][1], &byte, 1) != 1)
			call_failed("write");
	if (msgsnd(message_queue, &message, sizeof(message.number), 0) < 0)
		call_failed("msgsnd");
	if (semctl(semaphores, 0, GETVAL) < 100 && semop(semaphores, &up, 1) < 0)
		call_failed("semop");
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	if (suspended)
		pthread_kill(suspended, SIGUSR1);
	if (waiting)
		pthread_kill(waiting, SIGRTMIN);
	if (worker->number % 4 == 0)
		feed_connection();
	nanosleep(&(struct timespec) { .tv_nsec = FEED_NS }, NULL);
}

static void make_listener(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sun_family = AF_UNIX;
	/* The kernel chooses an abstract name. */
	if (bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &address_bytes) < 0)
		exit(1);
}

/* In a namespace of our own: it goes with the process, however that ends. */
static void make_queues(void)
{
	if (unshare(CLONE_NEWIPC) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWIPC) < 0)
		skip_target("a namespace for System V IPC");
	message_queue = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 2, 0600);
	if (message_queue < 0 || semaphores < 0)
		skip_target("System V message queues or semaphores");
}

int main(void)
{
	static struct worker workers[] = {
		{ once_read },
		{ once_poll },
		{ once_ppoll },
		{ once_select },
		{ once_pselect },
		{ once_epoll },
		{ once_epoll_pwait2 },
		{ once_accept },
		{ once_nanosleep },
		{ once_poll_timed },
		{ once_clock_nanosleep },
		{ once_epoll_timed },
		{ once_select_timed },
		{ once_sigtimedwait },
		{ once_semtimedop },
		{ once_recv_timed },
		{ once_futex_timed },
		{ once_futex },
		{ once_msgrcv },
		{ once_semop },
		{ once_sigsuspend },
		{ once_sigwaitinfo },
		{ feed },
	};
	struct sigaction action = { .sa_handler = count_signal };
	struct timeval limit = { .tv_usec = WAIT_NS / 1000 };
	sigset_t blocked;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	for (int i = 0; i < NR_PIPES; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			return 1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, silent) < 0)
		return 1;
	setsockopt(silent[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	make_listener();
	make_queues();
	workers_run(workers, sizeof(workers) / sizeof(workers[0]));
	return 0;
}
