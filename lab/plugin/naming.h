/* SPDX-License-Identifier: MIT */
/* Telling the plugin which process each task belongs to that it has counted for. */
#ifndef LAB_PLUGIN_NAMING_H
#define LAB_PLUGIN_NAMING_H

#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

struct channel;
struct kcore;

/*
 * Names every task that the plugin asks about, as far as the kernel's memory
 * tells.  target: see kcore_owner.  Errors of channel_call.
 */
int naming_pass(struct channel *channel, const struct kcore *kcore, uint64_t task_offset,
		pid_t target, struct mpol_error *error);

#endif
