/* SPDX-License-Identifier: MIT */
/*
 * How fast traces are read and simulated: exact LRU over 20 million requests to a
 * million objects, zipf 0.99, a fifth of them cached, of a file of libCacheSim's
 * oracleGeneral; from opening the file to the last miss, by the time that a CPU was ours.
 * And what memory it takes.
 *
 * Where LIBCACHESIM names libCacheSim's cachesim, that runs in turn on the same file,
 * and must count the same misses.  It tells their share to four digits, but of each
 * interval of the trace's time: so the trace has 5,000 requests a second, and what
 * it says of each second is exact.
 *
 * sim-lru [REQUESTS OBJECTS]: another size.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "dense-ids.h"
#include "lru-cache.h"
#include "random.h"
#include "sampler.h"
#include "trace.h"

#define NR_RUNS	      5
#define PER_SECOND    5000
#define REQUEST_BYTES 24u
#define BATCH	      64

struct result {
	double per_second;
	uint64_t nr, misses;
};

static void die(const char *what)
{
	fprintf(stderr, "sim-lru: %s\n", what);
	exit(1);
}

/* A bijection, so that ids are as unlike as hashes of names are (splitmix64's last steps). */
static uint64_t id_of(uint64_t rank)
{
	rank = (rank ^ rank >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	rank = (rank ^ rank >> 27) * UINT64_C(0x94d049bb133111eb);
	return rank ^ rank >> 31;
}

static void write_requests(FILE *file, uint64_t nr_requests, uint32_t nr_objects)
{
	_cleanup_free_ struct sampler *sampler = malloc(sizeof(*sampler));
	double theta = 0.99;
	struct random random;

	if (!sampler || sampler_init(sampler, nr_objects, nr_objects, sampler_zipf, &theta) < 0)
		die("no memory");
	random_seed(&random, 1, 0);
	for (uint64_t i = 0; i < nr_requests; i++) {
		/* The first and the last have a second of their own: reports begin behind
		 * the one and end at the other. */
		const uint32_t time_s = (i + PER_SECOND - 1) / PER_SECOND + (i == nr_requests - 1);
		const uint32_t size_bytes = 1;
		const int64_t next = -1;
		const uint64_t id = id_of(sampler_draw(sampler, random_next(&random)) + 1);
		unsigned char record[REQUEST_BYTES];

		memcpy(record, &time_s, 4);
		memcpy(record + 4, &id, 8);
		memcpy(record + 12, &size_bytes, 4);
		memcpy(record + 16, &next, 8);
		if (fwrite(record, sizeof(record), 1, file) != 1)
			die("cannot write the trace");
	}
}

/* The trace is kept: it is always the same. */
static void make_trace(const char *path, uint64_t nr_requests, uint32_t nr_objects)
{
	_cleanup_free_ char *unfinished = NULL;
	struct stat status;
	FILE *file;

	if (stat(path, &status) == 0 && (uint64_t)status.st_size == nr_requests * REQUEST_BYTES)
		return;
	fprintf(stderr, "sim-lru: making %s\n", path);
	file = asprintf(&unfinished, "%s.unfinished", path) < 0 ? NULL : fopen(unfinished, "w");
	if (!file)
		die("cannot make the trace");
	write_requests(file, nr_requests, nr_objects);
	if (fclose(file) != 0 || rename(unfinished, path) != 0)
		die("cannot write the trace");
}

/* The ids of the next requests; returns how many, 0 at the end. */
static size_t read_ids(struct trace_reader *reader, uint64_t ids[BATCH])
{
	struct trace_record records[BATCH];
	struct mpol_error err;
	size_t nr;

	if (trace_next(reader, records, BATCH, &nr, &err) < 0)
		die(err.cause);
	for (size_t i = 0; i < nr; i++)
		ids[i] = records[i].page;
	return nr;
}

/* Seconds that this process has had a CPU, for itself and in the kernel. */
static double cpu_s(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What is between two stages of a run: requests, as ids and then as objects. */
struct batch {
	uint64_t ids[BATCH];
	uint32_t objects[BATCH];
	size_t nr;
};

/*
 * Each batch is read, mapped and accessed in turns with others, so that memory that
 * one stage asks for has come when the next one needs it.
 */
static uint64_t run_stages(struct trace_reader *reader, struct lru_cache *cache, uint64_t *misses)
{
	struct batch batches[3] = { 0 }, *read = batches, *mapped = batches + 1,
		     *accessed = batches + 2;
	struct dense_ids ids = { 0 };
	uint64_t nr = 0;

	do {
		struct batch *last = accessed;

		accessed = mapped;
		mapped = read;
		read = last;
		read->nr = read_ids(reader, read->ids);
		dense_ids_prefetch(&ids, read->ids, read->nr);
		if (dense_ids_map(&ids, mapped->ids, mapped->nr, mapped->objects) < 0)
			die("no memory");
		lru_cache_prefetch(cache, mapped->objects, mapped->nr);
		if (lru_cache_access(cache, accessed->objects, accessed->nr, misses) < 0)
			die("no memory");
		nr += accessed->nr;
	} while (read->nr || mapped->nr || accessed->nr);
	dense_ids_free(&ids);
	return nr;
}

static struct result run(const char *path, uint32_t capacity)
{
	const double start_s = cpu_s(RUSAGE_SELF);
	struct result result = { 0 };
	struct trace_reader *reader;
	struct lru_cache cache;
	struct mpol_error err;

	if (lru_cache_init(&cache, capacity) < 0)
		die("no memory");
	if (trace_open(path, NULL, &reader, &err) < 0)
		die(err.cause);
	result.nr = run_stages(reader, &cache, &result.misses);
	trace_close(reader);
	lru_cache_free(&cache);
	result.per_second = result.nr / (cpu_s(RUSAGE_SELF) - start_s);
	return result;
}

/* cachesim under the same conditions, its reports at the read end of *ret_pipe. */
static pid_t start_peer(const char *program, const char *path, uint32_t capacity, FILE **ret_pipe)
{
	char size[16];
	int ends[2];
	pid_t pid;

	snprintf(size, sizeof(size), "%" PRIu32, capacity);
	if (pipe(ends) < 0)
		die("no pipe");
	pid = fork();
	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp(program, program, path, "oracleGeneral", "lru", size, "--ignore-obj-size",
		       "1", "--report-interval", "1", "--output", "/dev/null", NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_pipe = fdopen(ends[0], "r");
	if (!*ret_pipe)
		die("no memory");
	return pid;
}

static struct result run_peer(const char *program, const char *path, uint32_t capacity)
{
	const double start_s = cpu_s(RUSAGE_CHILDREN);
	struct result result = { 0 };
	char line[4096];
	FILE *reports;
	pid_t pid = start_peer(program, path, capacity, &reports);
	int status;

	while (fgets(line, sizeof(line), reports)) {
		const char *report = strstr(line, " hour: ");
		uint64_t nr;
		double share;

		if (!report ||
		    sscanf(report,
			   " hour: %" SCNu64 " requests, miss ratio %*f, interval miss ratio %lf",
			   &nr, &share) != 2)
			continue;
		if (nr < result.nr || nr - result.nr > PER_SECOND)
			die("LIBCACHESIM reports other intervals than were asked for");
		result.misses += (uint64_t)(share * (nr - result.nr) + 0.5);
		result.nr = nr;
	}
	fclose(reports);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("LIBCACHESIM failed");
	if (!result.nr)
		die("LIBCACHESIM reports no intervals");
	result.per_second = result.nr / (cpu_s(RUSAGE_CHILDREN) - start_s);
	return result;
}

/* Peak bytes of a process that only has so many objects, a fifth of them cached. */
static double memory_bytes(uint32_t nr_objects)
{
	struct rusage usage;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		struct dense_ids ids = { 0 };
		struct lru_cache cache;
		uint64_t misses = 0;

		if (lru_cache_init(&cache, nr_objects / 5) < 0)
			_exit(1);
		for (uint32_t i = 0; i < nr_objects; i++) {
			const uint64_t id = id_of(i);
			uint32_t object;

			if (dense_ids_map(&ids, &id, 1, &object) < 0 ||
			    lru_cache_access(&cache, &object, 1, &misses) < 0)
				_exit(1);
		}
		_exit(misses != nr_objects);
	}
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		die("cannot measure memory");
	return usage.ru_maxrss * 1024.0;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[NR_RUNS])
{
	qsort(values, NR_RUNS, sizeof(*values), by_value);
	return values[NR_RUNS / 2];
}

static void measure(const char *path, const char *peer, uint32_t capacity)
{
	double ours[NR_RUNS], ratios[NR_RUNS], theirs[NR_RUNS];
	uint64_t misses_off = 0;
	struct result result, other;

	for (int i = 0; i < NR_RUNS; i++) {
		result = run(path, capacity);
		ours[i] = result.per_second;
		if (!peer)
			continue;
		other = run_peer(peer, path, capacity);
		theirs[i] = other.per_second;
		ratios[i] = ours[i] / theirs[i];
		/* A request of the first second is perhaps not counted: always a miss. */
		misses_off += result.misses - (result.nr - other.nr) != other.misses;
	}
	fprintf(stderr, "sim-lru: %" PRIu64 " of %" PRIu64 " requests missed: %.6f\n",
		result.misses, result.nr, (double)result.misses / result.nr);
	printf("{\"name\":\"sim-lru\",\"value\":%.1f,\"unit\":\"M/"
	       "s\",\"goal\":40,\"better\":\"more\"",
	       median(ours) / 1e6);
	if (peer)
		printf(",\"peer\":%.1f,\"peer_name\":\"libCacheSim\"", median(theirs) / 1e6);
	puts("}");
	if (!peer)
		return;
	printf("{\"name\":\"sim-lru-ratio\",\"value\":%.2f,\"unit\":\"x\",\"goal\":5,"
	       "\"better\":\"more\"}\n",
	       median(ratios));
	printf("{\"name\":\"sim-lru-other-misses\",\"value\":%" PRIu64 ",\"unit\":\"runs\","
	       "\"goal\":0,\"better\":\"less\"}\n",
	       misses_off);
}

static void measure_memory(uint32_t nr_objects)
{
	const double few = memory_bytes(nr_objects) / nr_objects;
	const double many = memory_bytes(8 * nr_objects) / (8.0 * nr_objects);

	printf("{\"name\":\"sim-lru-memory\",\"value\":%.0f,\"unit\":\"bytes/object\",\"goal\":96,"
	       "\"better\":\"less\"}\n",
	       many);
	printf("{\"name\":\"sim-lru-memory-growth\",\"value\":%.3f,\"unit\":\"x\",\"goal\":1.05,"
	       "\"better\":\"less\"}\n",
	       many / few);
}

int main(int argc, char **argv)
{
	const char *peer = getenv("LIBCACHESIM");
	const uint64_t nr_requests = argc == 3 ? strtoull(argv[1], NULL, 10) : 20000000;
	const uint64_t nr_objects = argc == 3 ? strtoull(argv[2], NULL, 10) : 1000000;
	_cleanup_free_ char *path = NULL;

	if ((argc != 1 && argc != 3) || !nr_requests || nr_objects < 5 || nr_objects > 1u << 27)
		die("takes nothing, or REQUESTS and OBJECTS");
	/* Beside what meson built, wherever that is. */
	if (asprintf(&path, "%.*szipf-%" PRIu64 "-%" PRIu64 ".oracleGeneral",
		     (int)(strrchr(argv[0], '/') ? strrchr(argv[0], '/') - argv[0] + 1 : 0),
		     argv[0], nr_requests, nr_objects) < 0)
		die("no memory");
	make_trace(path, nr_requests, nr_objects);
	measure(path, peer && *peer ? peer : NULL, nr_objects / 5);
	measure_memory(nr_objects);
	return 0;
}
