/* SPDX-License-Identifier: MIT */
/*
 * The functions that the library stands before: those of the next library that has them, which is
 * the C library or an allocator that was preloaded, too.
 *
 * They are looked up at the first use.  What asks for memory meanwhile (dlsym(3) itself, in older C
 * libraries) gets it from the C library directly.
 */
#ifndef PRELOAD_NEXT_H
#define PRELOAD_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct next {
	void *(*malloc)(size_t bytes);
	void *(*calloc)(size_t nr, size_t bytes);
	void *(*realloc)(void *old, size_t bytes);
	void *(*memalign)(size_t alignment, size_t bytes);
	void *(*aligned_alloc)(size_t alignment, size_t bytes);
	int (*posix_memalign)(void **ret, size_t alignment, size_t bytes);
	void *(*valloc)(size_t bytes);
	void *(*pvalloc)(size_t bytes);
	void (*free)(void *memory);
	int (*mallopt)(int parameter, int value);
	void *(*mmap)(void *addr, size_t bytes, int protection, int flags, int fd, off_t offset);
	void *(*mremap)(void *old, size_t old_bytes, size_t bytes, int flags, void *addr);
	int (*munmap)(void *addr, size_t bytes);
	int (*madvise)(void *addr, size_t bytes, int advice);
	int (*prctl)(int option, ...);
	long (*syscall)(long number, ...);
	bool is_glibc; /* malloc and the rest of it are the C library's */
};

/* NULL until they have been looked up. */
extern const struct next *next_found;

/* Looks them all up; errno is kept. */
const struct next *next_find(void);

static inline const struct next *next(void)
{
	const struct next *found = __atomic_load_n(&next_found, __ATOMIC_ACQUIRE);

	return __builtin_expect(found != NULL, 1) ? found : next_find();
}

#endif
