/* SPDX-License-Identifier: MIT */
/* All peers, for the table. */
#ifndef SIM_PEERS_H
#define SIM_PEERS_H

#include "peer.h"

extern const struct peer peer_mpol;
extern const struct peer peer_mpol_hint_latency;
extern const struct peer peer_mpol_two_touch;
extern const struct peer peer_mpol_constant_room;
extern const struct peer peer_mpol_driving;
extern const struct peer peer_first_touch;
extern const struct peer peer_demotion;
extern const struct peer peer_numab;
extern const struct peer peer_numab_high;
extern const struct peer peer_numab_boost;
extern const struct peer peer_tpp;
extern const struct peer peer_tpp_ungated;
extern const struct peer peer_memtis;
extern const struct peer peer_damon;
extern const struct peer peer_home_node;
extern const struct peer peer_oracle;

#endif
