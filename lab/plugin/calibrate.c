/* SPDX-License-Identifier: MIT */
/*
 * Calibration; the steps are in calibrate.h.  The plugin's map is taken away
 * first and given back by a success only, so that a failure at any step leaves
 * a plugin that refuses to count.
 */
#include "calibrate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "channel.h"
#include "control.h"
#include "error.h"
#include "kcore.h"
#include "memory.h"
#include "naming.h"
#include "nodemap.h"
#include "nodemask.h"
#include "session.h"
#include "touch.h"

#define PAGE_BYTES   4096
#define SAMPLE_PAGES PROBES_MAX
#define TASKS	     4 /* the main thread and three more */

/* Pages of one node in a row, each written once. */
struct sample {
	int node;
	char *memory;
};

struct calibration {
	struct channel *channel;
	const struct memory_map *map;
	struct kcore *kcore;
	uint64_t task_offset;
	struct nodemap found; /* start: the node's first reported address */
	struct mpol_error *error;
};

static int fail(struct calibration *c, const char *step, const char *cause, int node)
{
	error_set(c->error, -EBADMSG, step, "%s", cause);
	error_on(c->error, "node %d", node);
	error_advise(c->error, "the machine is not as the node map says: nothing will be counted");
	return -EBADMSG;
}

/* ---- Pages whose node is known ------------------------------------------- */

static void sample_free(struct sample *sample)
{
	if (sample->memory)
		munmap(sample->memory, SAMPLE_PAGES * PAGE_BYTES);
}

static int sample_new(struct sample *ret, int node, struct mpol_error *error)
{
	struct nodemask mask = nodemask_of(node);
	size_t length = SAMPLE_PAGES * PAGE_BYTES;
	void *memory =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return error_errno(error, -errno, "mmap");
	if (syscall(SYS_mbind, memory, length, MPOL_BIND, mask.bits, NODEMASK_KERNEL_MAXNODE, 0) <
	    0) {
		error_errno(error, -errno, "mbind");
		error_on(error, "node %d", node);
		munmap(memory, length);
		return error ? error->code : -EINVAL;
	}
	madvise(memory, length, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < SAMPLE_PAGES; i++)
		touch_store((char *)memory + i * PAGE_BYTES, i + 1);
	*ret = (struct sample) { node, memory };
	return 0;
}

/* Physical addresses of the pages (Documentation/admin-guide/mm/pagemap.rst). */
static int physical_addresses(const struct sample *sample, uint64_t *addresses)
{
	_cleanup_close_ int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t length = SAMPLE_PAGES * sizeof(*addresses);
	off_t offset = (off_t)((uintptr_t)sample->memory / PAGE_BYTES * sizeof(*addresses));

	if (fd < 0)
		return -errno;
	if (pread(fd, addresses, length, offset) != (ssize_t)length)
		return -EIO;
	for (size_t i = 0; i < SAMPLE_PAGES; i++) {
		uint64_t pfn = addresses[i] & ((1ULL << 55) - 1);

		if (!(addresses[i] >> 63))
			return -EAGAIN;
		if (pfn == 0)
			return -EPERM;
		addresses[i] = pfn * PAGE_BYTES;
	}
	return 0;
}

/* Whether the kernel, asked directly, has each page on the sample's node. */
static bool kernel_agrees(const struct sample *sample)
{
	void *pages[SAMPLE_PAGES];
	int nodes[SAMPLE_PAGES];

	for (size_t i = 0; i < SAMPLE_PAGES; i++)
		pages[i] = sample->memory + i * PAGE_BYTES;
	if (syscall(SYS_move_pages, 0, (unsigned long)SAMPLE_PAGES, pages, NULL, nodes, 0) < 0)
		return false;
	for (size_t i = 0; i < SAMPLE_PAGES; i++) {
		if (nodes[i] != sample->node)
			return false;
	}
	return true;
}

/* ---- Probing --------------------------------------------------------------- */

static int read_probes(const char *words, struct probe *probes, size_t max)
{
	size_t nr = 0;
	int used;

	while (nr < max &&
	       sscanf(words, "%" SCNx64 ":%" SCNx64 ":%" SCNx64 "%n", &probes[nr].address,
		      &probes[nr].reported, &probes[nr].task, &used) == 3) {
		words += used;
		nr++;
	}
	return (int)nr;
}

/* Loads once from each of the pages; returns how many accesses the plugin saw, or an error. */
static int probe(struct calibration *c, char *memory, size_t pages, struct probe *probes)
{
	const char *words;
	int r = channel_call(c->channel, NULL, c->error, "probe %" PRIxPTR " %zx",
			     (uintptr_t)memory, pages * PAGE_BYTES);

	if (r < 0)
		return r;
	for (size_t i = 0; i < pages; i++)
		touch_load(memory + i * PAGE_BYTES);
	r = channel_call(c->channel, &words, c->error, "probed");
	return r < 0 ? r : read_probes(words, probes, PROBES_MAX);
}

/* ---- Step 1: the ids in task_struct ------------------------------------------ */

struct task_probe {
	struct calibration *calibration;
	char *memory;
	struct task_ids ids;
	uint64_t task;
	int result;
};

static void *probe_own_task(void *data)
{
	struct task_probe *own = data;
	struct probe probes[PROBES_MAX];
	int nr;

	own->ids = (struct task_ids) { (int32_t)syscall(SYS_gettid), getpid() };
	nr = probe(own->calibration, own->memory, 1, probes);
	own->result = nr == 1 ? 0 : nr < 0 ? nr : -EBADMSG;
	if (nr == 1)
		own->task = probes[0].task;
	return NULL;
}

static uint64_t births(struct calibration *c)
{
	unsigned long long born = 0;
	const char *words;

	if (channel_call(c->channel, &words, c->error, "hello") == 0)
		sscanf(words, "%*u %*u %*u %*u %llu", &born);
	return born;
}

static int try_task_offset(struct calibration *c)
{
	static const char step[] = "follow the running tasks";
	_Alignas(PAGE_BYTES) static char page[PAGE_BYTES];
	uint64_t tasks[TASKS], born = births(c);
	struct task_ids ids[TASKS];

	for (size_t i = 0; i < TASKS; i++) {
		struct task_probe own = { .calibration = c, .memory = page };
		pthread_t thread;

		touch_store(page, i);
		if (i == 0) {
			probe_own_task(&own);
		} else {
			int r = pthread_create(&thread, NULL, probe_own_task, &own);

			if (r != 0)
				return error_errno(c->error, -r, "pthread_create");
			pthread_join(thread, NULL);
		}
		if (own.result == -EBADMSG)
			error_set(c->error, -EBADMSG, step,
				  "the plugin did not see one access as one");
		if (own.result < 0)
			return own.result;
		tasks[i] = own.task;
		ids[i] = own.ids;
	}
	if (births(c) < born + TASKS - 1) {
		error_set(c->error, -EBADMSG, step, "the plugin does not see new threads");
		error_advise(c->error,
			     "this kernel switches tasks in a way that truth.so does not know");
		return -EBADMSG;
	}
	return kcore_find_ids(c->kcore, tasks, ids, TASKS, &c->task_offset, c->error);
}

/*
 * The threads have ended by the time their task_structs are read, and on a busy
 * guest one may be somebody else's by then: what is not found is looked for again.
 */
static int find_task_offset(struct calibration *c)
{
	int r = -ENOENT;

	for (int attempt = 0; attempt < 5 && r == -ENOENT; attempt++)
		r = try_task_offset(c);
	return r;
}

/* ---- Step 2: reported addresses ------------------------------------------------ */

/* Compares what the plugin saw of each page with its physical address. */
static int learn_node(struct calibration *c, const struct sample *sample, const uint64_t *physical,
		      const struct probe *probes)
{
	static const char step[] = "learn the addresses that QEMU reports";
	uint64_t start = 0;

	for (size_t i = 0; i < SAMPLE_PAGES; i++) {
		uint64_t offset;
		int node;

		if (probes[i].address != (uintptr_t)sample->memory + i * PAGE_BYTES)
			return fail(c, step, "the plugin saw other accesses than were made",
				    sample->node);
		if (memory_map_find(c->map, physical[i], &node, &offset) < 0 ||
		    node != sample->node)
			return fail(c, step,
				    "the kernel put its pages outside of its memory in the map",
				    sample->node);
		if (i == 0)
			start = probes[i].reported - offset;
		if (probes[i].reported - offset != start)
			return fail(c, step, "its reported addresses are not in a row",
				    sample->node);
	}
	if (nodemap_add(&c->found, sample->node, start,
			memory_map_node_bytes(c->map, sample->node)) < 0)
		return fail(c, step, "its reported addresses are another node's too", sample->node);
	return 0;
}

static int sample_node(struct calibration *c, int node)
{
	static const char step[] = "learn the addresses that QEMU reports";
	uint64_t before[SAMPLE_PAGES], after[SAMPLE_PAGES];
	_cleanup_(sample_free) struct sample sample = { 0 };
	struct probe probes[PROBES_MAX];
	int r = sample_new(&sample, node, c->error);

	if (r < 0)
		return r;
	/* The kernel may move a page meanwhile (balancing, compaction): then again. */
	for (int tries = 0; tries < 10; tries++) {
		r = physical_addresses(&sample, before);
		if (r == 0)
			r = probe(c, sample.memory, SAMPLE_PAGES, probes);
		if (r == SAMPLE_PAGES)
			r = physical_addresses(&sample, after);
		else if (r >= 0)
			return fail(c, step, "the plugin saw more or fewer accesses than were made",
				    node);
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return error_errno(c->error, r, "look up physical addresses");
		if (memcmp(before, after, sizeof(before)) == 0 && kernel_agrees(&sample))
			return learn_node(c, &sample, before, probes);
	}
	return fail(c, step, "the kernel keeps moving its pages", node);
}

static int for_each_node(struct calibration *c, int (*run)(struct calibration *c, int node))
{
	struct nodemask nodes = { 0 };
	int node, r = 0;

	for (size_t i = 0; i < c->map->nr; i++)
		nodemask_set(&nodes, c->map->ranges[i].node);
	nodemask_for_each (node, &nodes) {
		r = run(c, node);
		if (r < 0)
			break;
	}
	return r;
}

static int give_map(struct calibration *c)
{
	for (unsigned int i = 0; i < c->found.nr; i++) {
		const struct nodemap_part *part = &c->found.parts[i];
		int r = channel_call(c->channel, NULL, c->error, "map-add %d %" PRIx64 " %" PRIx64,
				     part->node, part->start, part->length_bytes);

		if (r < 0)
			return r;
	}
	return channel_call(c->channel, NULL, c->error, "map-accept %" PRIu64, c->task_offset);
}

/* ---- Step 3: counts ---------------------------------------------------------------- */

/* Different for each node, so that no mix-up gives the right sums. */
static struct count make_accesses(struct sample *sample)
{
	struct count made = { .loads = 1009 + 101 * (uint64_t)sample->node,
			      .stores = 503 + 67 * (uint64_t)sample->node };
	const uint64_t locked = 211;

	for (uint64_t i = 0; i < made.loads; i++)
		touch_load(sample->memory + i % SAMPLE_PAGES * PAGE_BYTES);
	for (uint64_t i = 0; i < made.stores; i++)
		touch_store(sample->memory + i % SAMPLE_PAGES * PAGE_BYTES, i);
	for (uint64_t i = 0; i < locked; i++)
		touch_locked(sample->memory + i % SAMPLE_PAGES * PAGE_BYTES);
	made.loads += locked;
	made.stores += locked;
	return made;
}

/* Cuts the interval, names our own tasks and emits it. */
static int end_interval(struct calibration *c, const char **ret_words)
{
	int r = channel_call(c->channel, NULL, c->error, "tick %" PRIu64, guest_now_ns());

	if (r == 0)
		r = naming_pass(c->channel, c->kcore, c->task_offset, getpid(), c->error);
	return r < 0 ? r : channel_call(c->channel, ret_words, c->error, "emit");
}

static int compare(struct calibration *c, const char *words, int node, const struct count *made)
{
	char key[16];
	const char *word;
	struct count seen;

	snprintf(key, sizeof(key), "%d:", node);
	for (word = words; word && strncmp(word, key, strlen(key)) != 0;) {
		word = strchr(word, ' ');
		word += word != NULL;
	}
	if (!word || sscanf(word, "%*d:%" SCNu64 ":%" SCNu64, &seen.loads, &seen.stores) != 2)
		return fail(c, "verify the counts", "the plugin does not know it", node);
	if (seen.loads == made->loads && seen.stores == made->stores)
		return 0;
	error_set(c->error, -EBADMSG, "verify the counts",
		  "made %" PRIu64 " loads and %" PRIu64 " stores, the plugin counted %" PRIu64
		  " and %" PRIu64,
		  made->loads, made->stores, seen.loads, seen.stores);
	error_on(c->error, "node %d", node);
	error_advise(c->error,
		     "this QEMU does not work as truth.so expects: nothing will be counted");
	return -EBADMSG;
}

static int verify_node(struct calibration *c, int node)
{
	_cleanup_(sample_free) struct sample sample = { 0 };
	const char *words = "";
	struct count made;
	int r = sample_new(&sample, node, c->error);

	if (r == 0)
		r = channel_call(c->channel, NULL, c->error, "range-clear");
	if (r == 0)
		r = channel_call(c->channel, NULL, c->error, "range-add %" PRIxPTR " %" PRIxPTR,
				 (uintptr_t)sample.memory,
				 (uintptr_t)sample.memory + SAMPLE_PAGES * PAGE_BYTES);
	if (r == 0)
		r = channel_call(c->channel, NULL, c->error, "rehearse %d %" PRIu64, getpid(),
				 guest_now_ns());
	if (r < 0)
		return r;
	made = make_accesses(&sample);
	r = end_interval(c, &words);
	if (r == 0)
		r = compare(c, words, node, &made);
	channel_call(c->channel, NULL, r < 0 ? NULL : c->error, "stop %" PRIu64, guest_now_ns());
	return r;
}

int calibrate(struct channel *channel, const struct memory_map *map, struct mpol_error *error)
{
	_cleanup_(kcore_freep) struct kcore *kcore = NULL;
	struct calibration c = { .channel = channel, .map = map, .error = error };
	int r = channel_call(channel, NULL, error, "map-clear");

	if (r == 0)
		r = kcore_new(&kcore, error);
	c.kcore = kcore;
	if (r == 0)
		r = find_task_offset(&c);
	if (r == 0)
		r = for_each_node(&c, sample_node);
	if (r == 0)
		r = give_map(&c);
	if (r == 0)
		r = for_each_node(&c, verify_node);
	if (r == 0)
		r = channel_call(channel, NULL, error, "map-proven %" PRIu64, guest_now_ns());
	if (r < 0)
		channel_call(channel, NULL, NULL, "map-clear");
	return r;
}
