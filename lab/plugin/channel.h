/* SPDX-License-Identifier: MIT */
/*
 * The guest's side of the channel to truth.so: the virtio port "lab.truth".
 * The protocol is in control.h.  A port can be open once at a time, so that an
 * open channel is also a lock: tools hold it for one exchange or two.
 */
#ifndef LAB_PLUGIN_CHANNEL_H
#define LAB_PLUGIN_CHANNEL_H

#include <stdint.h>

#include <mpol/mpol.h>

#include "cleanup.h"

struct channel;

/*
 * Waits up to 10 s for another tool to let go.  Errors: -ENODEV: no such port,
 * that is no ground truth in this machine; -EBUSY; -EACCES.
 */
int channel_new(struct channel **ret, struct mpol_error *error);
void channel_free(struct channel *channel);

DEFINE_CLEANUP(struct channel *, channel_free);

/*
 * Sends a command and waits for its reply, 10 s at most.  *ret_result, if asked
 * for, are the words after "ok", valid until the next call.  Errors: -EREMOTEIO:
 * the plugin refused, its text is the cause; -ETIMEDOUT; -EBADMSG.
 */
int channel_call(struct channel *channel, const char **ret_result, struct mpol_error *error,
		 const char *command, ...) __attribute__((format(printf, 4, 5)));

/* CLOCK_MONOTONIC, the time that commands carry. */
uint64_t guest_now_ns(void);

#endif
