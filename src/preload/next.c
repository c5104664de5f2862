/* SPDX-License-Identifier: MIT */
/* Looking up what stands behind: see next.h. */
#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

/* glibc's own names for its allocator (malloc/malloc.c). */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t nr, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

/* ---- While they are looked up -------------------------------------------------------- */

static int early_posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *memory = __libc_memalign(alignment, bytes);

	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}

static void *early_valloc(size_t bytes)
{
	return __libc_memalign((size_t)sysconf(_SC_PAGESIZE), bytes);
}

static int early_mallopt(int parameter, int value)
{
	(void)parameter, (void)value;
	return 0;
}

/* Nothing but memory is asked for meanwhile. */
static const struct next early = {
	.malloc = __libc_malloc,
	.calloc = __libc_calloc,
	.realloc = __libc_realloc,
	.memalign = __libc_memalign,
	.aligned_alloc = __libc_memalign,
	.posix_memalign = early_posix_memalign,
	.valloc = early_valloc,
	.pvalloc = early_valloc,
	.free = __libc_free,
	.mallopt = early_mallopt,
};

/* ---- Looking up ---------------------------------------------------------------------- */

const struct next *next_found;

/* What is not there stays what it was. */
static void find(const char *name, void *ret_function)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function)
		*(void **)ret_function = function;
}

const struct next *next_find(void)
{
	static struct next functions;
	const int kept_errno = errno;
	struct next found = early;

	next_found = &early;
	find("malloc", &found.malloc);
	find("calloc", &found.calloc);
	find("realloc", &found.realloc);
	find("memalign", &found.memalign);
	find("aligned_alloc", &found.aligned_alloc);
	find("posix_memalign", &found.posix_memalign);
	find("valloc", &found.valloc);
	find("pvalloc", &found.pvalloc);
	find("free", &found.free);
	find("mallopt", &found.mallopt);
	find("mmap", &found.mmap);
	find("mremap", &found.mremap);
	find("munmap", &found.munmap);
	find("madvise", &found.madvise);
	find("prctl", &found.prctl);
	find("syscall", &found.syscall);
	found.is_glibc = (void *)found.malloc == dlsym(RTLD_NEXT, "__libc_malloc");
	functions = found;
	__atomic_store_n(&next_found, &functions, __ATOMIC_RELEASE);
	errno = kept_errno;
	return &functions;
}
