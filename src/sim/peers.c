/* SPDX-License-Identifier: MIT */
/* The table of peers. */
#include "peers.h"

#include <string.h>

const struct peer *const peers[] = {
	&peer_mpol,
	&peer_mpol_hint_latency,
	&peer_mpol_two_touch,
	&peer_mpol_constant_room,
	&peer_mpol_driving,
	&peer_first_touch,
	&peer_demotion,
	&peer_numab,
	&peer_numab_high,
	&peer_numab_boost,
	&peer_tpp,
	&peer_tpp_ungated,
	&peer_memtis,
	&peer_damon,
	&peer_home_node,
	&peer_oracle,
	NULL,
};

const struct peer *peer_by_name(const char *name)
{
	if (strcmp(name, "mpol:rule=ranking") == 0) /* as mpold --rule names it */
		return &peer_mpol;
	for (const struct peer *const *peer = peers; *peer; peer++)
		if (strcmp((*peer)->name, name) == 0)
			return *peer;
	return NULL;
}
