/* SPDX-License-Identifier: MIT */
/*
 * The plugin's side of the channel to truth-ctl in the guest: lines of text.
 *
 *	request:  ID COMMAND [ARGUMENT]...
 *	reply:    ID ok [RESULT]...    or    ID error TEXT
 *
 * ID is any word, so that a reply to a tool that has gone is not taken for
 * one's own.  A command has taken effect when its reply is written.  Numbers
 * are decimal, addresses hexadecimal without 0x; GUEST_NS is the guest's
 * CLOCK_MONOTONIC.
 *
 *	hello				state: calibrated, running, task_offset, switches, births
 *	map-clear
 *	map-add NODE START LENGTH	of reported addresses
 *	map-accept TASK_OFFSET		the map may be rehearsed with
 *	rehearse PID GUEST_NS		start, for calibration: nothing is written down
 *	map-proven GUEST_NS		counting is possible from now on
 *	probe START LENGTH		write down accesses to the range
 *	probed				... which were: ADDRESS:REPORTED:TASK
 *	range-clear
 *	range-add START END		staged until start or tick
 *	start PID BY-PAGE GUEST_NS	PID 0: every process; BY-PAGE 0 or 1
 *	tick GUEST_NS			cuts the interval
 *	unknown BELOW			tasks to be named with an ID below, the highest
 *					UNKNOWN_MAX of them, descending: ID:TASK
 *	own ID PID
 *	emit				writes the cut interval, gives NODE:LOADS:STORES
 *	totals				the same, since start
 *	mark NAME GUEST_NS
 *	stop GUEST_NS
 */
#ifndef LAB_PLUGIN_CONTROL_H
#define LAB_PLUGIN_CONTROL_H

#include "text.h"

#define CONTROL_LINE_MAX 4096
#define UNKNOWN_MAX	 64

/* Executes one request, without its newline; line is taken apart.  Appends the reply's line. */
void control_execute(char *line, struct text *reply);

/*
 * Starts the thread that connects to the Unix socket of that path, where QEMU's
 * chardev listens, and serves it for ever.  0 or a negative errno.
 */
int control_start(const char *path);

#endif
