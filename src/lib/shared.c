/* SPDX-License-Identifier: MIT */
/* The policy of shared memory: see shared.h. */
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "grow.h"
#include "rootfs.h"

static bool sees_the_same_nodes(const struct target *target)
{
	struct nodemask allowed = { { 0 } };

	return syscall(SYS_get_mempolicy, NULL, allowed.bits, NODEMASK_KERNEL_MAXNODE, 0UL,
		       MPOL_F_MEMS_ALLOWED) == 0 &&
	       nodemask_equal(&allowed, &target->leader.mems_allowed);
}

void shared_open(const struct target *target, struct shared *ret_shared)
{
	struct shared shared = { .target = target };
	struct maps_entry entry;
	size_t allocated = 0;
	char *cursor;

	*ret_shared = shared;
	if (!sees_the_same_nodes(target) ||
	    rootfs_read(target->root, &shared.text, "proc/%d/maps", target->leader.tid) < 0)
		return;
	cursor = shared.text;
	while (maps_next(&cursor, &entry) > 0) {
		struct maps_entry *entries;

		if (entry.permissions[3] != 's')
			continue;
		entries = grow(shared.entries, shared.nr_entries, &allocated, sizeof(entry));
		if (!entries)
			break;
		shared.entries = entries;
		shared.entries[shared.nr_entries++] = entry;
	}
	*ret_shared = shared;
}

void shared_close(struct shared *shared)
{
	free(shared->text);
	free(shared->entries);
	*shared = (struct shared) { 0 };
}

static const struct maps_entry *find(const struct shared *shared, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < shared->nr_entries; i++)
		if (shared->entries[i].start == start && shared->entries[i].end == end)
			return &shared->entries[i];
	return NULL;
}

/* The object behind a mapping, if it is one whose policy is its own; -1 if not. */
static int open_object(const struct shared *shared, const struct maps_entry *entry)
{
	_cleanup_close_ int fd = -1;
	struct statfs status;
	char path[96];

	snprintf(path, sizeof(path), "proc/%d/map_files/%" PRIx64 "-%" PRIx64,
		 shared->target->leader.tid, entry->start, entry->end);
	fd = openat(shared->target->root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &status) < 0 || status.f_type != TMPFS_MAGIC)
		return -1;
	return steal_fd(&fd);
}

/*
 * mbind(2).  To a mapping that has never had a policy itself the kernel takes
 * default for no change (mm/mempolicy.c, mbind_range), whatever the object has;
 * so it gets one first, the one that is nearest to none.
 */
static int bind_object(void *here, size_t length, const struct mpol_args *args)
{
	if (args->mode == MPOL_MODE_DEFAULT &&
	    syscall(SYS_mbind, here, length, MPOL_LOCAL, NULL, 0UL, 0UL) < 0)
		return -errno;
	return syscall(SYS_mbind, here, length, (long)args_kernel_mode(args), args->policy_nodemask,
		       args_kernel_maxnode(args), 0UL) < 0
		       ? -errno
		       : 0;
}

bool shared_set(const struct shared *shared, const struct mpol_args *args,
		const struct iovec *range, int *ret_result)
{
	const uint64_t start = (uint64_t)(uintptr_t)range->iov_base;
	const struct maps_entry *entry = find(shared, start, start + range->iov_len);
	_cleanup_close_ int fd = -1;
	void *here;

	/* A home node is the mapping's, not the object's. */
	if (!entry || (args->mode_flags & MPOL_FLAG_HOME_NODE))
		return false;
	fd = open_object(shared, entry);
	if (fd < 0)
		return false;
	here = mmap(NULL, range->iov_len, PROT_READ, MAP_SHARED, fd, (off_t)entry->offset);
	if (here == MAP_FAILED)
		return false;
	*ret_result = bind_object(here, range->iov_len, args);
	munmap(here, range->iov_len);
	return true;
}
