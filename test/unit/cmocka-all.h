/* SPDX-License-Identifier: MIT */
/*
 * cmocka.h with the headers that it needs first.  A test that includes it begins
 * with the default policy, whatever it was started under.
 */
#ifndef TEST_CMOCKA_ALL_H
#define TEST_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* Before main(), so that every thread and child has it. */
__attribute__((constructor)) static void begin_with_default_policy(void)
{
	(void)!syscall(SYS_set_mempolicy, 0, NULL, 0UL);
}

#endif
