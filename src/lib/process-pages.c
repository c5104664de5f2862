/* SPDX-License-Identifier: MIT */
/*
 * mpol_process_pages: the census over the ranges of a picture.  That the
 * process is still the one of the picture is checked before and after, since
 * its number alone does not say so.
 */
#include <errno.h>

#include "census.h"
#include "cleanup.h"
#include "error.h"
#include "numa-maps.h"
#include "process.h"
#include "rootfs.h"
#include "target.h"

struct pages {
	const struct mpol_vma *vma;
	int (*run)(const struct mpol_page_run *run, void *user);
	void *user;
};

static int hand_on(const struct census_run *run, void *user)
{
	const struct pages *pages = user;
	struct mpol_page_run page_run = {
		.start = run->start,
		.end = run->end,
		.node = run->node,
		.unit_bytes = run->unit_bytes,
		.vma = pages->vma,
	};

	return pages->run(&page_run, pages->user);
}

/* Whether the number still means the process of the picture.  Returns 0 or -errno. */
static int check_same(int root, const struct mpol_process *process, struct process_thread *ret)
{
	pid_t pid = mpol_process_pid(process);
	int r = process_read_thread(root, pid, pid, ret);

	if (r < 0)
		return r;
	return ret->start_ticks == mpol_process_start_ticks(process) ? 0 : -ESRCH;
}

/* What of the range lies between start and end, in whole pages. */
static int walk_vma(struct census *census, struct pages *pages, uint64_t start, uint64_t end)
{
	const struct mpol_vma *vma = pages->vma;
	uint64_t page_bytes = vma->page_bytes;
	struct census_request request = {
		.start = vma->start,
		.end = vma->end,
		.page_bytes = page_bytes,
		.run = hand_on,
		.user = pages,
	};

	if (start > request.start)
		request.start = start / page_bytes * page_bytes;
	if (end < request.end)
		request.end = (end + page_bytes - 1) / page_bytes * page_bytes;
	return census_walk(census, &request);
}

int mpol_process_pages(const struct mpol_process *process, uint64_t start, uint64_t end,
		       int (*run)(const struct mpol_page_run *run, void *user), void *user,
		       struct mpol_error *error)
{
	_cleanup_(census_closep) struct census *census = NULL;
	_cleanup_close_ int root = rootfs_open(NULL);
	struct process_thread leader = { .tid = mpol_process_pid(process) };
	struct pages pages = { .run = run, .user = user };
	int r = root;

	error_clear(error);
	if (r >= 0)
		r = check_same(root, process, &leader);
	if (r >= 0)
		r = census_open(root, leader.tid, 0, &census);
	for (size_t i = 0; r == 0 && i < mpol_process_nr_vmas(process); i++) {
		pages.vma = mpol_process_vma(process, i);
		/* Of other ranges numa_maps says that nothing is there. */
		if (pages.vma->page_bytes && pages.vma->start < end && pages.vma->end > start)
			r = walk_vma(census, &pages, start, end);
	}
	if (r == 0)
		r = check_same(root, process, &leader);
	return r < 0 ? target_error(error, r, "read pagemap", &leader) : r;
}
