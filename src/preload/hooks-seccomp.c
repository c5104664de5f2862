/* SPDX-License-Identifier: MIT */
/*
 * A program that filters its own system calls (seccomp(2)) does not know of ours, and many a filter
 * kills.  So before one comes, the library falls asleep: it makes no call any more that the program
 * does not make.
 */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook.h"
#include "next.h"
#include "striper.h"

HOOK int prctl(int option, ...)
{
	unsigned long words[4];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		words[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP)
		striper_sleep();
	return next()->prctl(option, words[0], words[1], words[2], words[3]);
}

/* libseccomp calls seccomp(2) so; it has no function of its own. */
HOOK long syscall(long number, ...)
{
	long words[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		words[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_seccomp &&
	    (words[0] == SECCOMP_SET_MODE_STRICT || words[0] == SECCOMP_SET_MODE_FILTER))
		striper_sleep();
	return next()->syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
