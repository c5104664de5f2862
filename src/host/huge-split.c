/* SPDX-License-Identifier: MIT */
/* Splitting huge pages: see huge-split.h. */
#include "huge-split.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "page.h"
#include "pagemap.h"
#include "rootfs.h"

#define STEP	   "split huge pages"
#define HUGE_BYTES (HUGE_PAGES * PAGE_BYTES)

/* Of our own page, which may be in the middle of something. */
#define MOST_TRIES 3

/* The base page that is advised, the last one: of what is used in part, the beginning is more
 * often. */
#define ADVISED (HUGE_PAGES - 1)

int huge_split(int pidfd, uint64_t address)
{
	struct iovec part = { (void *)(address + ADVISED * PAGE_BYTES), PAGE_BYTES };

	return syscall(SYS_process_madvise, pidfd, &part, 1, MADV_COLD, 0) < 0 ? -errno : 0;
}

/* ---- Does it work here? ---------------------------------------------------------- */

/* A process may advise itself without it, in newer kernels. */
static bool has_sys_nice(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_SYS_NICE & 1;
}

/* Whether there is a huge page at the address, as it shows to those without CAP_SYS_ADMIN: 0, 1, or
 * the errno. */
static int is_huge(int pagemap, uint64_t address)
{
	struct pagemap_region region;
	struct pagemap_scan scan = {
		.size = sizeof(scan),
		.start = address,
		.end = address + HUGE_BYTES,
		.regions = (uintptr_t)&region,
		.nr_regions = 1,
		.all_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_HUGE,
	};
	int r = ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &scan);

	return r < 0 ? -errno : r;
}

static int refuse_kernel(struct mpol_error *err, const char *cause)
{
	error_set(err, -EOPNOTSUPP, STEP, "%s", cause);
	error_on(err, "this kernel");
	error_advise(err, "let huge pages stay whole: mpold(8), HUGE PAGES");
	return -EOPNOTSUPP;
}

/* What a call that failed on a page of our own means. */
static int explain(int r, struct mpol_error *err)
{
	switch (r) {
	case -ENOSYS:
		return refuse_kernel(err, "it has no process_madvise(2), which came with 5.10");
	case -EINVAL:
		return refuse_kernel(err, "process_madvise(2) does not know MADV_COLD");
	default:
		error_errno(err, r, STEP);
		error_on(err, "process_madvise(2)");
		error_advise(err, "allow that call: SystemCallFilter= of the unit");
		return r;
	}
}

/* The mapping of two huge pages' size has one that is aligned. */
static int try_at(int pidfd, int pagemap, uint64_t address, struct mpol_error *err)
{
	const int before = is_huge(pagemap, address);
	int after = before, r;

	if (before < 0)
		return refuse_kernel(err, "it does not show huge pages to those without "
					  "CAP_SYS_ADMIN (PAGEMAP_SCAN), as Linux 6.7 does");
	for (int i = 0; i < MOST_TRIES && after == before; i++) {
		r = huge_split(pidfd, address);
		if (r < 0)
			return explain(r, err);
		after = is_huge(pagemap, address);
	}
	if (before && after)
		return refuse_kernel(err, "it leaves a huge page whole of which a part is cold");
	return 0;
}

int huge_split_try(int root, struct mpol_error *err)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	_cleanup_close_ int pagemap = rootfs_open_file(root, "proc/self/pagemap");
	char *memory, *aligned;
	int r;

	if (!has_sys_nice()) {
		error_set(err, -EPERM, STEP, "CAP_SYS_NICE is missing");
		error_advise(err,
			     "start it as root, or give it by AmbientCapabilities= of its unit");
		return -EPERM;
	}
	if (pidfd < 0)
		return error_errno(err, -errno, STEP);
	if (pagemap < 0)
		return refuse_kernel(err, "it has no /proc/PID/pagemap");
	memory = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return error_errno(err, -ENOMEM, STEP);
	aligned = memory + (HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES) % HUGE_BYTES;
	madvise(aligned, HUGE_BYTES, MADV_HUGEPAGE); /* without it none is split */
	memset(aligned, 1, PAGE_BYTES);
	r = try_at(pidfd, pagemap, (uintptr_t)aligned, err);
	munmap(memory, 2 * HUGE_BYTES);
	return r;
}
