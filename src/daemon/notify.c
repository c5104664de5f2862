/* SPDX-License-Identifier: MIT */
/* Telling systemd: see notify.h.  The state is one per process, as the environment is. */
#include "notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "clock.h"

static uint64_t alive_period_ns; /* 0: nobody waits for it */
static uint64_t alive_told_ns;

void notify_begin(void)
{
	uint64_t watchdog_us = 0;

	alive_period_ns = sd_watchdog_enabled(0, &watchdog_us) > 0 ? watchdog_us * 1000 / 2 : 0;
	alive_told_ns = clock_now_ns();
}

bool notify_listens(void)
{
	return getenv("NOTIFY_SOCKET");
}

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_ns() / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_status(const char *format, ...)
{
	va_list arguments;
	char text[256];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sd_notifyf(0, "STATUS=%s", text);
}

void notify_alive(void)
{
	const uint64_t now_ns = clock_now_ns();

	if (!alive_period_ns || now_ns - alive_told_ns < alive_period_ns)
		return;
	alive_told_ns = now_ns;
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_rest_ns(void)
{
	const uint64_t gone_ns = clock_now_ns() - alive_told_ns;

	if (!alive_period_ns)
		return UINT64_MAX;
	return gone_ns < alive_period_ns ? alive_period_ns - gone_ns : 0;
}
