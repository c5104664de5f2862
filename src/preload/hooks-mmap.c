/* SPDX-License-Identifier: MIT */
/*
 * mmap(2) and what changes mappings, as programs and allocators call them.
 *
 * Striped is private anonymous memory that can be used as it is: no address space set aside
 * (PROT_NONE), no stacks, no hugetlbfs, nothing that is locked, and so there, when mmap returns.
 */
#undef _FILE_OFFSET_BITS /* it would make mmap64 of mmap */

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "hook.h"
#include "next.h"
#include "remap.h"
#include "striper.h"

#define NOT_WANTED (MAP_HUGETLB | MAP_GROWSDOWN | MAP_STACK | MAP_LOCKED)

static bool is_wanted(size_t bytes, int protection, int flags)
{
	return bytes >= STRIPER_LEAST_BYTES && protection != PROT_NONE && (flags & MAP_ANONYMOUS) &&
	       (flags & MAP_TYPE) == MAP_PRIVATE && !(flags & NOT_WANTED) && striper_awake();
}

/* What MAP_POPULATE does, which may fail unnoticed, too. */
static void populate(void *memory, size_t bytes, int protection)
{
	const int kept_errno = errno;

	next()->madvise(memory, bytes,
			protection & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	errno = kept_errno;
}

HOOK void *mmap(void *addr, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	void *memory;

	if (!is_wanted(bytes, protection, flags)) {
		if (flags & MAP_FIXED)
			striper_gone(addr, bytes);
		return next()->mmap(addr, bytes, protection, flags, fd, offset);
	}
	memory = next()->mmap(addr, bytes, protection, flags & ~MAP_POPULATE, fd, offset);
	if (memory == MAP_FAILED)
		return memory;
	striper_fresh(memory, bytes, false);
	if (flags & MAP_POPULATE)
		populate(memory, bytes, protection);
	return memory;
}

HOOK void *mmap64(void *addr, size_t bytes, int protection, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));

HOOK int munmap(void *addr, size_t bytes)
{
	striper_gone(addr, bytes);
	return next()->munmap(addr, bytes);
}

HOOK int madvise(void *addr, size_t bytes, int advice)
{
	if (advice == MADV_HUGEPAGE && bytes >= STRIPER_LEAST_BYTES && striper_awake())
		striper_wants_huge(addr, bytes);
	return next()->madvise(addr, bytes, advice);
}

/* Of striped memory.  One range again, if the kernel can make it one; else piece by piece. */
static void *remap_striped(void *old, size_t old_bytes, size_t bytes, int flags, void *addr)
{
	const bool awake = striper_awake();
	void *memory = next()->mremap(old, old_bytes, bytes, flags, addr);

	if (memory != MAP_FAILED || errno != EFAULT)
		return memory;
	if (awake) {
		striper_loosen(old, old_bytes);
		memory = next()->mremap(old, old_bytes, bytes, flags, addr);
	}
	if (memory == MAP_FAILED && errno == EFAULT)
		memory = remap_pieces(old, old_bytes, bytes, flags, addr);
	if (memory == MAP_FAILED)
		striper_fresh(old, old_bytes, false);
	return memory;
}

HOOK void *mremap(void *old, size_t old_bytes, size_t bytes, int flags, ...)
{
	void *addr, *memory;
	va_list args;

	va_start(args, flags);
	addr = flags & ~MREMAP_MAYMOVE ? va_arg(args, void *) : NULL;
	va_end(args);
	if (!striper_knows(old, old_bytes))
		return next()->mremap(old, old_bytes, bytes, flags, addr);
	memory = remap_striped(old, old_bytes, bytes, flags, addr);
	if (memory == MAP_FAILED)
		return memory;
	if (memory == old && bytes <= old_bytes) {
		striper_gone((char *)old + bytes, old_bytes - bytes);
		return memory;
	}
	striper_gone(old, old_bytes);
	if (bytes >= STRIPER_LEAST_BYTES)
		striper_fresh(memory, bytes, false);
	return memory;
}
