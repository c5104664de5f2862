/* SPDX-License-Identifier: MIT */
/*
 * Two peers that decide nothing: first touch, where pages stay where their policy put
 * them; and migrate-on-reclaim (Hansen and Huang, Linux 5.15), where reclaim demotes
 * but nothing is ever promoted.
 */
#include "peers.h"

const struct peer peer_first_touch = {
	.name = "first-touch",
	.summary = "pages stay where they were first touched",
};

const struct peer peer_demotion = {
	.name = "demotion",
	.summary = "reclaim demotes to the next tier, nothing is promoted (Linux 5.15)",
	.demotes = true,
};
