/* SPDX-License-Identifier: MIT */
/*
 * Locals that free themselves: the cleanup attribute, and "steal" to hand a
 * value out of its scope.  Every destructor here accepts the empty value.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(destructor) __attribute__((cleanup(destructor)))

/* Defines NAMEp(TYPE *pointer), for use with _cleanup_, from NAME(TYPE): type is a pointer type. */
#define DEFINE_CLEANUP(type, name)                \
	static inline void name##p(type *pointer) \
	{                                         \
		if (*pointer)                     \
			name(*pointer);           \
	}                                         \
	struct cleanup_needs_semicolon

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	   _cleanup_(freep)
#define _cleanup_close_	   _cleanup_(closep)
#define _cleanup_fclose_   _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)

/* Returns *fd and leaves -1 behind, so that the scope's end closes nothing. */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* Returns *pointer and leaves NULL behind. */
#define steal_pointer(pointer)                         \
	({                                             \
		__typeof__(pointer) from_ = (pointer); \
		__typeof__(*from_) stolen_ = *from_;   \
		*from_ = NULL;                         \
		stolen_;                               \
	})

#endif
