/* SPDX-License-Identifier: MIT */
/* Calls that any thread of a process may make: see any-thread.h. */
#include "any-thread.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"

/* Threads that run user code, sleeping ones first. */
static int find_threads(const struct target *target, struct any_thread *any)
{
	_cleanup_free_ pid_t *tids = NULL, *others = NULL;
	size_t nr = 0, nr_others = 0;
	int r;

	r = process_list_threads(target->root, target->leader.tid, &tids, &nr);
	if (r < 0)
		return r;
	any->tids = calloc(nr, sizeof(*any->tids));
	others = calloc(nr, sizeof(*others));
	if (!any->tids || !others)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		struct process_thread thread;

		if (process_read_thread(target->root, target->leader.tid, tids[i], &thread) < 0 ||
		    !process_thread_is_user(&thread) || process_thread_has_ended(&thread))
			continue;
		if (thread.state == 'S')
			any->tids[any->nr_tids++] = tids[i];
		else
			others[nr_others++] = tids[i];
	}
	for (size_t i = 0; i < nr_others; i++)
		any->tids[any->nr_tids++] = others[i];
	return any->nr_tids ? 0 : -ESRCH;
}

static int only_thread(pid_t only, struct any_thread *any)
{
	any->tids = malloc(sizeof(*any->tids));
	if (!any->tids)
		return -ENOMEM;
	any->tids[0] = only;
	any->nr_tids = 1;
	return 0;
}

int any_thread_open(const struct target *target, pid_t only, struct any_thread *ret,
		    struct mpol_error *err)
{
	int r;

	*ret = (struct any_thread) { 0 };
	r = only ? only_thread(only, ret) : find_threads(target, ret);
	if (r < 0)
		return target_error(err, r, "read /proc", &target->leader);
	r = remote_open(target->leader.tid, 0, &ret->remote, err);
	return r < 0 ? r : target_check_alive(target, err);
}

void any_thread_close(struct any_thread *any)
{
	remote_close(any->remote);
	free(any->tids);
	*any = (struct any_thread) { 0 };
}

int any_thread_run(struct any_thread *any, struct remote_batch *batch, struct mpol_error *err)
{
	int r = -ESRCH;

	while (any->nr_tids) {
		r = remote_run(any->remote, any->tids[0], batch, err);
		if (r != -ESRCH && r != -EBUSY && r != -ETIMEDOUT && r != -EOPNOTSUPP)
			return r;
		any->nr_tids--;
		for (size_t i = 0; i < any->nr_tids; i++)
			any->tids[i] = any->tids[i + 1];
	}
	return r;
}
