/* SPDX-License-Identifier: MIT */
/*
 * A target around io_uring(7): a server that echoes what comes over sockets,
 * clients that count what they send, a ring with timeouts, and one whose work
 * goes to the kernel's worker threads (IOSQE_ASYNC).
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker.h"

#define NR_CLIENTS 3
#define MESSAGE	   64
#define WAIT_NS	   5000000

static int pairs[NR_CLIENTS][2];

static bool set_up(struct io_uring *ring)
{
	int r = io_uring_queue_init(32, ring, 0);

	if (r < 0)
		skip_target("io_uring (kernel.io_uring_disabled, or an old kernel)");
	return true;
}

/* The next completion; false if there is none. */
static bool next(struct io_uring *ring, struct io_uring_cqe *ret_cqe)
{
	struct io_uring_cqe *cqe;
	int r = io_uring_wait_cqe(ring, &cqe);

	if (r < 0) {
		errno = -r;
		call_failed("io_uring_enter");
		return false;
	}
	*ret_cqe = *cqe;
	io_uring_cqe_seen(ring, cqe);
	return true;
}

static void submit(struct io_uring *ring)
{
	int r = io_uring_submit(ring);

	if (r != 1) {
		errno = r < 0 ? -r : EIO;
		call_failed("io_uring_enter");
	}
}

/* Receives from any client, and sends it back; a completion is a round. */
static void serve(struct worker *worker)
{
	static char buffers[NR_CLIENTS][MESSAGE];
	static struct io_uring ring;
	struct io_uring_cqe cqe;
	uintptr_t client;

	if (!worker->number++) {
		set_up(&ring);
		for (uintptr_t i = 0; i < NR_CLIENTS; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			io_uring_prep_recv(sqe, pairs[i][1], buffers[i], MESSAGE, MSG_WAITALL);
			sqe->user_data = i;
			submit(&ring);
		}
	}
	if (!next(&ring, &cqe))
		return;
	client = cqe.user_data % NR_CLIENTS;
	if (cqe.res != MESSAGE) {
		wrong("io_uring: %s of client %lu: %d",
		      cqe.user_data < NR_CLIENTS ? "recv" : "send", client, cqe.res);
		return;
	}
	if (cqe.user_data < NR_CLIENTS) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_send(sqe, pairs[client][1], buffers[client], MESSAGE, 0);
		sqe->user_data = client + NR_CLIENTS;
	} else {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_recv(sqe, pairs[client][1], buffers[client], MESSAGE, MSG_WAITALL);
		sqe->user_data = client;
	}
	submit(&ring);
}

static void ask(struct worker *worker)
{
	int fd = pairs[worker->number % NR_CLIENTS][0];
	char out[MESSAGE], in[MESSAGE];

	worker->number += NR_CLIENTS;
	for (int i = 0; i < MESSAGE; i++)
		out[i] = (char)(worker->number * 31 + (uintptr_t)i);
	if (send(fd, out, MESSAGE, 0) != MESSAGE)
		call_failed("send");
	if (recv(fd, in, MESSAGE, MSG_WAITALL) != MESSAGE)
		call_failed("recv");
	else if (memcmp(in, out, MESSAGE))
		wrong("the echo of message %lu is another", worker->number);
}

static void time_out(struct worker *worker)
{
	static struct io_uring ring;
	struct __kernel_timespec limit = { .tv_nsec = WAIT_NS };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	int64_t start_ns = clock_ns();

	if (!worker->number++)
		set_up(&ring);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_timeout(sqe, &limit, 0, 0);
	submit(&ring);
	while (!next(&ring, &cqe))
		;
	if (cqe.res != -ETIME)
		wrong("io_uring: the timeout ended with %d", cqe.res);
	check_lasted("io_uring's timeout", start_ns, WAIT_NS);
}

/* A wait with a limit of its own: io_uring_enter(2) with a timespec. */
static void wait_limited(struct worker *worker)
{
	static struct io_uring ring;
	struct __kernel_timespec limit = { .tv_nsec = WAIT_NS };
	struct io_uring_cqe *cqe;
	int64_t start_ns = clock_ns();
	int r;

	if (!worker->number++)
		set_up(&ring);
	r = io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
	if (r == -ETIME) {
		check_lasted("io_uring_enter", start_ns, WAIT_NS);
		return;
	}
	errno = r < 0 ? -r : EIO;
	call_failed("io_uring_enter");
}

/* Writes and reads a file by way of worker threads. */
static void go_async(struct worker *worker)
{
	static struct io_uring ring;
	static int file;
	uint64_t out[512], in[512] = { 0 };

	if (!worker->number++) {
		set_up(&ring);
		file = memfd_create("uring", MFD_CLOEXEC);
	}
	for (size_t i = 0; i < 512; i++)
		out[i] = worker->number * 1000003 + i;
	for (int i = 0; i < 2; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct io_uring_cqe cqe;

		if (i == 0)
			io_uring_prep_write(sqe, file, out, sizeof(out), 0);
		else
			io_uring_prep_read(sqe, file, in, sizeof(in), 0);
		sqe->flags |= IOSQE_ASYNC;
		submit(&ring);
		while (!next(&ring, &cqe))
			;
		if (cqe.res != sizeof(out))
			wrong("io_uring: %s ended with %d", i ? "read" : "write", cqe.res);
	}
	if (memcmp(in, out, sizeof(in)))
		wrong("the file read is not the one written");
}

int main(void)
{
	static struct worker workers[4 + NR_CLIENTS] = {
		{ serve },
		{ time_out },
		{ wait_limited },
		{ go_async },
	};

	for (int i = 0; i < NR_CLIENTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) < 0)
			return 1;
		workers[4 + i] = (struct worker) { .once = ask, .number = (uintptr_t)i };
	}
	workers_run(workers, 4 + NR_CLIENTS);
	return 0;
}
