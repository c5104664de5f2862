/* SPDX-License-Identifier: MIT */
/*
 * Teaching the plugin what the addresses mean that QEMU reports, and proving
 * that it counts right, by accesses whose number and place are known.
 */
#ifndef LAB_PLUGIN_CALIBRATE_H
#define LAB_PLUGIN_CALIBRATE_H

#include <mpol/mpol.h>

struct channel;
struct memory_map;

/*
 * 1. Learns where task_struct keeps its ids, from threads of its own.
 * 2. Puts pages on each node of map (mbind(2)), asks the kernel where they are
 *    (pagemap, move_pages(2)), reads each once, and takes the node's first
 *    reported address from the answers, which must all agree.
 * 3. Gives the plugin the map and makes a different number of loads, stores and
 *    locked instructions on other pages of each node: the counts must be exact.
 *
 * Returns 0, and the plugin counts from now on; else it refuses to count.
 * Errors: -EBADMSG: the map, the kernel and the plugin disagree, *error says
 * where; -EPERM, -EACCES: needs root; those of channel.h and kcore.h; -ENOMEM.
 */
int calibrate(struct channel *channel, const struct memory_map *map, struct mpol_error *error);

#endif
