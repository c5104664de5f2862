/* SPDX-License-Identifier: MIT */
/*
 * The table of tasks: a list of all and a hash by address of those that are not
 * superseded.  vCPUs share it at task switches, rare enough for a mutex; the
 * control thread uses it in a pause only, when no vCPU can hold the mutex.
 */
#include "tasks.h"

#include <pthread.h>
#include <stdlib.h>

#include "pages.h"

#define BUCKETS 1024

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct task *buckets[BUCKETS];
static struct task *all;
static uint64_t last_id;
static struct tasks_seen seen;

static struct task **bucket_of(uint64_t address)
{
	/* Objects of a slab of task_structs are a few KiB apart. */
	return &buckets[(address >> 6) * 0x9e3779b97f4a7c15 >> 54];
}

static struct task **find(uint64_t address)
{
	struct task **link = bucket_of(address);

	while (*link && (*link)->address != address)
		link = &(*link)->bucket;
	return link;
}

static struct task *add(uint64_t address)
{
	struct task **link = bucket_of(address), *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->id = ++last_id;
	task->address = address;
	task->owner = TASK_OWNER_UNKNOWN;
	task->bucket = *link;
	*link = task;
	task->next = all;
	all = task;
	return task;
}

struct task *tasks_switch_to(uint64_t address, bool newborn)
{
	struct task **link, *task;

	pthread_mutex_lock(&mutex);
	seen.switches++;
	link = find(address);
	if (newborn) {
		seen.births++;
		if (*link) {
			(*link)->superseded = true;
			*link = (*link)->bucket;
		}
		link = find(address);
	}
	task = *link ? *link : add(address);
	pthread_mutex_unlock(&mutex);
	return task;
}

struct task *tasks_first(void)
{
	return all;
}

struct tasks_seen tasks_seen(void)
{
	return seen;
}

bool task_has_counts(const struct task *task)
{
	for (int i = 0; i < CELLS; i++) {
		if (task->cells[i].loads || task->cells[i].stores)
			return true;
	}
	return false;
}

void tasks_sweep(void)
{
	struct task **link = &all;

	while (*link) {
		struct task *task = *link;

		if (!task->superseded || task->cut || task_has_counts(task)) {
			link = &task->next;
			continue;
		}
		*link = task->next;
		pages_free(task->pages);
		free(task);
	}
}
