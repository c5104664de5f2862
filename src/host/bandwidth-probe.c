/* SPDX-License-Identifier: MIT */
/*
 * The built-in bandwidth probe: see bandwidth-probe.h.
 *
 * Memory is bound before it is touched, so every page is on the targets or the thread fails.
 * All threads wait for each other before each kind of access; each then works through its memory,
 * piece by piece, until the time is up, and counts the pieces that it has finished.
 */
#include "bandwidth-probe.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "rootfs.h"
#include "text.h"

#define HUGE_BYTES	(2UL << 20)
#define PIECE_BYTES	(96UL << 10) /* whole words in three parts */
#define UNKNOWN_BYTES	(64ULL << 20)
#define TIMES_CACHES	4
#define MAX_CACHE_INDEX 8

/* What all threads share. */
struct session {
	const struct bandwidth_probe *probe;
	pthread_mutex_t gate; /* locked until all threads are there, or one could not be made */
	pthread_barrier_t barrier;
	atomic_int failure; /* the first one's -errno */
};

struct worker {
	struct session *session;
	pthread_t thread;
	int cpu;
	uint64_t bytes[PROBE_NR]; /* that it has read and written */
	uint64_t took_ns[PROBE_NR];
};

/* ---- Accesses ----------------------------------------------------------------------- */

typedef uint64_t words __attribute__((vector_size(16)));

/* One sum that nobody can leave out. */
static void read_piece(const words *piece)
{
	words sum[4] = { 0 };

	for (size_t i = 0; i < PIECE_BYTES / sizeof(words); i += 4)
		for (size_t j = 0; j < 4; j++)
			sum[j] += piece[i + j];
	sum[0] += sum[1] + sum[2] + sum[3];
	__asm__ volatile("" : : "x"(sum[0]));
}

static void store(words *to, words value)
{
#ifdef __SSE2__
	_mm_stream_si128((__m128i *)to, (__m128i)value);
#else
	*(volatile words *)to = value;
#endif
}

static void write_piece(words *piece)
{
	const words value = { 1, 2 };

	for (size_t i = 0; i < PIECE_BYTES / sizeof(words); i++)
		store(&piece[i], value);
}

/* STREAM's triad, the last third of the piece from the first two. */
static void mix_piece(words *piece)
{
	const size_t third = PIECE_BYTES / sizeof(words) / 3;

	for (size_t i = 0; i < third; i++)
		store(&piece[2 * third + i], piece[i] + piece[third + i]);
}

static void access_piece(enum probe_access access, words *piece)
{
	switch (access) {
	case PROBE_READ:
		read_piece(piece);
		break;
	case PROBE_WRITE:
		write_piece(piece);
		break;
	case PROBE_MIXED:
		mix_piece(piece);
		break;
	case PROBE_NR:
		break;
	}
}

/* Works until the time is up; at least one piece. */
static void work(struct worker *worker, enum probe_access access, char *memory)
{
	const struct bandwidth_probe *probe = worker->session->probe;
	const uint64_t begin_ns = clock_now_ns();
	uint64_t at = 0, done = 0, now_ns;

	do {
		access_piece(access, (words *)(memory + at));
		done += PIECE_BYTES;
		at += PIECE_BYTES;
		if (at + PIECE_BYTES > probe->bytes_per_thread)
			at = 0;
		now_ns = clock_now_ns();
	} while (now_ns - begin_ns < probe->time_ns);
	worker->bytes[access] = done;
	worker->took_ns[access] = now_ns - begin_ns;
}

/* ---- Threads ------------------------------------------------------------------------ */

static int pin(int cpu)
{
	_cleanup_free_ cpu_set_t *set = calloc(1, CPU_ALLOC_SIZE(cpu + 1));

	if (!set)
		return -ENOMEM;
	CPU_SET_S(cpu, CPU_ALLOC_SIZE(cpu + 1), set);
	return sched_setaffinity(0, CPU_ALLOC_SIZE(cpu + 1), set) < 0 ? -errno : 0;
}

/* Bound and touched; munmap(2) it.  Returns 0 or -errno. */
static int get_memory(const struct bandwidth_probe *probe, char **ret)
{
	const int mode =
		nodemask_weight(&probe->targets) == 1 ? MPOL_MODE_BIND : MPOL_MODE_INTERLEAVE;
	char *memory = mmap(NULL, probe->bytes_per_thread, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	madvise(memory, probe->bytes_per_thread, MADV_HUGEPAGE);
	if (syscall(SYS_mbind, memory, probe->bytes_per_thread, mode, probe->targets.bits,
		    NODEMASK_KERNEL_MAXNODE, 0) < 0) {
		int error = -errno;

		munmap(memory, probe->bytes_per_thread);
		return error;
	}
	memset(memory, 1, probe->bytes_per_thread);
	*ret = memory;
	return 0;
}

static void fail(struct session *session, int code)
{
	int none = 0;

	if (code < 0)
		atomic_compare_exchange_strong(&session->failure, &none, code);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct session *session = worker->session;
	char *memory = NULL;
	int r;

	pthread_mutex_lock(&session->gate);
	r = atomic_load(&session->failure);
	pthread_mutex_unlock(&session->gate);
	/* Not all threads were made: at the barrier the others would wait for ever. */
	if (r < 0)
		return NULL;
	r = pin(worker->cpu);
	if (r == 0)
		r = get_memory(session->probe, &memory);
	fail(session, r);
	for (int access = 0; access < PROBE_NR; access++) {
		pthread_barrier_wait(&session->barrier);
		if (memory && !atomic_load(&session->failure))
			work(worker, (enum probe_access)access, memory);
	}
	if (memory)
		munmap(memory, session->probe->bytes_per_thread);
	return NULL;
}

static int run_workers(struct session *session, struct worker *workers)
{
	const size_t nr = session->probe->nr_cpus;
	size_t started = 0;
	int r = 0;

	pthread_mutex_lock(&session->gate);
	while (r == 0 && started < nr) {
		workers[started].session = session;
		workers[started].cpu = session->probe->cpus[started];
		r = -pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]);
		started += r == 0;
	}
	fail(session, r);
	pthread_mutex_unlock(&session->gate);
	for (size_t i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return atomic_load(&session->failure);
}

/* Of all threads together: they work at the same time, but for the end of their last pieces. */
static uint64_t per_second(const struct worker *workers, size_t nr, enum probe_access access)
{
	double sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += (double)workers[i].bytes[access] * 1e9 / (double)workers[i].took_ns[access];
	return (uint64_t)sum;
}

int bandwidth_probe_run(const struct bandwidth_probe *probe, uint64_t *ret_bytes,
			struct mpol_error *err)
{
	_cleanup_free_ struct worker *workers = calloc(probe->nr_cpus + 1, sizeof(*workers));
	struct session session = { .probe = probe, .gate = PTHREAD_MUTEX_INITIALIZER };
	char nodes[64];
	int r;

	nodemask_format(&probe->targets, nodes, sizeof(nodes));
	if (!probe->nr_cpus || nodemask_empty(&probe->targets) ||
	    probe->bytes_per_thread < HUGE_BYTES || probe->bytes_per_thread % HUGE_BYTES)
		r = -EINVAL;
	else if (!workers)
		r = -ENOMEM;
	else
		r = -pthread_barrier_init(&session.barrier, NULL, (unsigned int)probe->nr_cpus);
	if (r == 0) {
		r = run_workers(&session, workers);
		pthread_barrier_destroy(&session.barrier);
	}
	if (r < 0) {
		error_errno(err, r, "measure bandwidth");
		error_on(err, "memory of node %s", nodes);
		return r;
	}
	for (int access = 0; access < PROBE_NR; access++)
		ret_bytes[access] = per_second(workers, probe->nr_cpus, (enum probe_access)access);
	return 0;
}

/* ---- Caches ------------------------------------------------------------------------- */

/* "32768K", and how many CPUs share it; false where there is no such cache. */
static bool read_cache(int root, int cpu, int index, uint64_t *ret_bytes, uint64_t *ret_nr_sharing)
{
	_cleanup_free_ char *size = NULL;
	struct nodemask sharing; /* a list is a list */
	char *unit;

	if (rootfs_read(root, &size, "sys/devices/system/cpu/cpu%d/cache/index%d/size", cpu,
			index) < 0)
		return false;
	unit = size + strspn(size, "0123456789");
	if (strcmp(unit, "K\n") && strcmp(unit, "K"))
		return false;
	*unit = '\0';
	if (parse_u64(size, 10, ret_bytes) < 0 || *ret_bytes > UINT32_MAX)
		return false;
	*ret_bytes <<= 10;
	*ret_nr_sharing = 1;
	if (rootfs_read_nodes(root, &sharing,
			      "sys/devices/system/cpu/cpu%d/cache/index%d/shared_cpu_list", cpu,
			      index) >= 0 &&
	    !nodemask_empty(&sharing))
		*ret_nr_sharing = (uint64_t)nodemask_weight(&sharing);
	return true;
}

uint64_t bandwidth_probe_bytes(int root, int cpu, size_t nr_cpus)
{
	uint64_t all = 0, bytes, nr_sharing;

	for (int index = 0; index < MAX_CACHE_INDEX; index++)
		if (read_cache(root, cpu, index, &bytes, &nr_sharing))
			all += bytes / (nr_sharing < nr_cpus ? nr_sharing : nr_cpus);
	all = all ? TIMES_CACHES * all : UNKNOWN_BYTES;
	return (all + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
}
