/* SPDX-License-Identifier: MIT */
/* What a sanitizer cannot see by itself. */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

#include <stddef.h>

#ifdef __has_feature /* clang; gcc says it by a macro */
#if __has_feature(address_sanitizer)
#define BASE_ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define BASE_ADDRESS_SANITIZER
#endif

#ifdef BASE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

/*
 * Tells the address sanitizer that a stack is empty again whose last user died
 * in the middle of a function: what it noted of that function is void.
 */
static inline void sanitize_reuse_stack(const void *stack, size_t bytes)
{
#ifdef BASE_ADDRESS_SANITIZER
	ASAN_UNPOISON_MEMORY_REGION(stack, bytes);
#else
	(void)stack;
	(void)bytes;
#endif
}

#endif
