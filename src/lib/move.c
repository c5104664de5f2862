/* SPDX-License-Identifier: MIT */
/* mpol_process_move: what is asked for, checked and made complete, then the mover's. */
#include <errno.h>
#include <string.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "mover.h"
#include "rootfs.h"
#include "target.h"

#define DEFAULT_BATCH_NS 10000000ULL

static struct nodemask mask_of(const unsigned long *words)
{
	struct nodemask mask = { { 0 } };

	if (words)
		memcpy(mask.bits, words, sizeof(mask.bits));
	return mask;
}

/* The nodes to move between; allowed: by the target's cpuset. */
static int choose_nodes(int root, const struct mpol_move_options *options,
			const struct nodemask *allowed, struct mover_request *request,
			struct mpol_error *error)
{
	struct nodemask to = mask_of(options->to), from = mask_of(options->from), rest, memory;
	char list[96];
	int r;

	if (nodemask_empty(&to))
		return error_set(error, -EINVAL, "choose nodes", "no node to move to");
	r = rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory");
	if (r < 0)
		return error_errno(error, r, "read has_memory");
	rest = nodemask_andnot(&to, &memory);
	if (!nodemask_empty(&rest)) {
		nodemask_format(&memory, list, sizeof(list));
		error_set(error, -ENODEV, "choose nodes", "node %d has no memory",
			  nodemask_next(&rest, 0));
		error_advise(error, "nodes with memory: %s", list);
		return -ENODEV;
	}
	if (!options->from)
		from = nodemask_andnot(&memory, &to);
	rest = nodemask_and(&from, &to);
	if (!nodemask_empty(&rest))
		return error_set(error, -EINVAL, "choose nodes",
				 "node %d is among those to move from and to",
				 nodemask_next(&rest, 0));
	request->from = from;
	request->to = nodemask_and(&to, allowed);
	if (!nodemask_empty(&request->to))
		return 0;
	nodemask_format(allowed, list, sizeof(list));
	error_set(error, -EACCES, "choose nodes",
		  "the process's cpuset allows none of the nodes to move to");
	error_advise(error, "it allows nodes %s", list);
	return -EACCES;
}

int mpol_process_move(int pidfd, const struct mpol_move_options *user,
		      struct mpol_move_result *ret_result, struct mpol_error *error)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct mpol_move_options options;
	struct mover_request request;
	int r;

	*ret_result = (struct mpol_move_result) { 0 };
	error_clear(error);
	r = args_read_sized(user, &options, sizeof(options), "read options", error);
	if (r < 0)
		return r;
	r = target_open(pidfd, &target, error);
	if (r < 0)
		return r;
	request = (struct mover_request) {
		.root = target.root,
		.pid = target.leader.tid,
		.pidfd = pidfd,
		.start = options.start,
		.end = options.end ? options.end : UINT64_MAX,
		.batch_ns = options.batch_ns ? options.batch_ns : DEFAULT_BATCH_NS,
		.batch_bytes = options.batch_bytes,
		.bandwidth_bytes = options.bandwidth_bytes,
		.include_shared = options.include_shared,
		.progress = options.progress,
		.user = options.user,
	};
	r = choose_nodes(target.root, &options, &target.leader.mems_allowed, &request, error);
	if (r >= 0)
		r = mover_run(&request, ret_result, error);
	if (r < 0)
		error_on(error, "process %d (%s)", target.leader.tid, target.leader.name);
	return r;
}
