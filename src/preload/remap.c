/* SPDX-License-Identifier: MIT */
/*
 * mremap(2), piece by piece: see remap.h.
 *
 * Where the pieces begin and end is found by trying: whatever the kernel refuses to move at once
 * is cut at the address within that is a multiple of the largest power of two, as borders of
 * stripes are.  Pages leave an empty range behind (MREMAP_DONTUNMAP), so that the way back is free
 * whatever other threads map meanwhile.
 */
#include "remap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "page.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* include/uapi/linux/mman.h, Linux 5.7 */
#endif

/* Not the hook of that name. */
static uintptr_t kernel_mremap(uintptr_t old, size_t old_bytes, size_t bytes, int flags,
			       uintptr_t to)
{
	return (uintptr_t)syscall(SYS_mremap, old, old_bytes, bytes, flags, to);
}

static void unmap(uintptr_t start, size_t bytes)
{
	const int kept_errno = errno;

	if (bytes)
		syscall(SYS_munmap, start, bytes);
	errno = kept_errno;
}

/* The address above low and below high that has the most zeros at its end; they are pages apart. */
static uintptr_t most_aligned(uintptr_t low, uintptr_t high)
{
	const int bit = 63 - __builtin_clzl(low ^ (high - PAGE_BYTES));

	return (high - PAGE_BYTES) >> bit << bit;
}

/* A piece that is none to the kernel: it is several, or nothing. */
static bool is_several(size_t bytes)
{
	return errno == EFAULT && bytes > PAGE_BYTES;
}

/* Moves pages; returns how many bytes of them were moved, all if it succeeds, else errno is set. */
static size_t move(uintptr_t from, uintptr_t to, size_t bytes, int flags)
{
	size_t lower, moved;

	if (kernel_mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) == to)
		return bytes;
	if (!is_several(bytes))
		return 0;
	lower = most_aligned(from, from + bytes) - from;
	moved = move(from, to, lower, flags);
	if (moved == lower)
		moved += move(from + lower, to + lower, bytes - lower, flags);
	return moved;
}

/* Makes the last piece longer where it is.  False, with errno: it cannot be. */
static bool grow_in_place(uintptr_t start, size_t old_bytes, size_t bytes)
{
	const uintptr_t end = start + old_bytes;

	for (;;) {
		const size_t last = end - start;

		if (kernel_mremap(start, last, last + bytes - old_bytes, 0, 0) == start)
			return true;
		if (!is_several(last))
			return false;
		start = most_aligned(start, end);
	}
}

/* Address space to move to. */
static uintptr_t reserve(size_t bytes, int flags, uintptr_t addr)
{
	return (uintptr_t)syscall(SYS_mmap, addr, bytes, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
					  (flags & MREMAP_FIXED ? MAP_FIXED : 0),
				  -1, 0L);
}

static uintptr_t move_all(uintptr_t from, size_t old_bytes, size_t bytes, uintptr_t to)
{
	const uintptr_t failed = (uintptr_t)MAP_FAILED;
	const size_t moved = move(from, to, old_bytes, MREMAP_DONTUNMAP);
	int code;

	if (moved == old_bytes) {
		unmap(to + old_bytes, bytes - old_bytes);
		if (bytes == old_bytes || grow_in_place(to, old_bytes, bytes)) {
			unmap(from, old_bytes);
			return to;
		}
	}
	code = errno;
	if (moved)
		move(to, from, moved, 0);
	unmap(to + moved, (moved == old_bytes ? old_bytes : bytes) - moved);
	errno = code;
	return failed;
}

static bool overlap(uintptr_t a, size_t a_bytes, uintptr_t b, size_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static void *fail(int code)
{
	errno = code;
	return MAP_FAILED;
}

void *remap_pieces(void *old, size_t old_bytes, size_t bytes, int flags, void *addr)
{
	const uintptr_t from = (uintptr_t)old;
	uintptr_t to = (uintptr_t)addr;

	old_bytes = whole_pages(old_bytes);
	bytes = whole_pages(bytes);
	if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) || !old_bytes || !bytes)
		return fail(EFAULT);
	/* With a hole in it there is nothing to be moved; this looks, and does nothing else. */
	if (msync(old, old_bytes, MS_ASYNC) < 0)
		return fail(EFAULT);
	if (!(flags & MREMAP_FIXED)) {
		if (bytes <= old_bytes || grow_in_place(from, old_bytes, bytes))
			return bytes <= old_bytes ? fail(EFAULT) : old;
		if (!(flags & MREMAP_MAYMOVE))
			return MAP_FAILED;
	} else if (overlap(from, old_bytes, to, bytes)) {
		return fail(EINVAL);
	}
	to = reserve(bytes, flags, to);
	if (to == (uintptr_t)MAP_FAILED)
		return MAP_FAILED;
	if (bytes < old_bytes) {
		unmap(from + bytes, old_bytes - bytes);
		old_bytes = bytes;
	}
	return (void *)move_all(from, old_bytes, bytes, to);
}
