/* SPDX-License-Identifier: MIT */
/* Threads that check what they do: see worker.h. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BEAT_MS 2

/* A line at once: shorter than PIPE_BUF, so lines of several threads do not mix. */
static void say(const char *text, size_t length)
{
	if (write(STDOUT_FILENO, text, length) != (ssize_t)length)
		_exit(1);
}

void wrong(const char *format, ...)
{
	char text[240];
	va_list arguments;
	int length = snprintf(text, sizeof(text), "wrong ");

	va_start(arguments, format);
	length += vsnprintf(text + length, sizeof(text) - (size_t)length - 1, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof(text) - 2)
		length = sizeof(text) - 2;
	text[length++] = '\n';
	say(text, (size_t)length);
}

void call_failed(const char *call)
{
	char text[128];
	int length;

	if (errno != EINTR) {
		wrong("%s: %s", call, strerror(errno));
		return;
	}
	length = snprintf(text, sizeof(text), "eintr %s\n", call);
	say(text, (size_t)length);
}

void skip_target(const char *what_is_missing)
{
	char text[240];
	int length = snprintf(text, sizeof(text), "skip %s\n", what_is_missing);

	say(text, (size_t)length);
	exit(77);
}

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void check_lasted(const char *call, int64_t start_ns, int64_t limit_ns)
{
	int64_t lasted_ns = clock_ns() - start_ns;

	if (lasted_ns < limit_ns)
		wrong("%s of %lld ns was over after %lld", call, (long long)limit_ns,
		      (long long)lasted_ns);
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (;;) {
		worker->once(worker);
		__atomic_add_fetch(&worker->rounds, 1, __ATOMIC_RELEASE);
		if (worker->rest_us)
			usleep(worker->rest_us);
	}
	return NULL;
}

static void start(struct worker *worker)
{
	pthread_attr_t attributes;
	int r;

	pthread_attr_init(&attributes);
	if (worker->stack_bytes)
		pthread_attr_setstacksize(&attributes, worker->stack_bytes);
	r = pthread_create(&worker->thread, &attributes, work, worker);
	if (r) {
		fprintf(stderr, "a thread does not start: %s\n", strerror(r));
		exit(1);
	}
	pthread_attr_destroy(&attributes);
}

/* Sleeps until the next beat is due; false once standard input has ended. */
static bool rest(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	if (poll(&in, 1, BEAT_MS) <= 0)
		return true; /* also where a handler of the target's ran */
	return read(STDIN_FILENO, &byte, 1) > 0;
}

void workers_run(struct worker *workers, size_t nr)
{
	long *seen = calloc(nr, sizeof(*seen));
	char ready[32];
	size_t i = 0;

	if (!seen)
		exit(1);
	for (i = 0; i < nr; i++)
		start(&workers[i]);
	say(ready, (size_t)snprintf(ready, sizeof(ready), "ready %d\n", getpid()));
	/* Each must have finished a round that began after the last beat. */
	for (i = 0; rest();) {
		while (i < nr &&
		       __atomic_load_n(&workers[i].rounds, __ATOMIC_ACQUIRE) >= seen[i] + 2)
			i++;
		if (i < nr)
			continue;
		say("beat\n", 5);
		for (i = 0; i < nr; i++)
			seen[i] = __atomic_load_n(&workers[i].rounds, __ATOMIC_ACQUIRE);
		i = 0;
	}
	_exit(0);
}
