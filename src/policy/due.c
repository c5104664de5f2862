/* SPDX-License-Identifier: MIT */
/* Whether a redistribution is due: see due.h. */
#include "due.h"

#include "hash.h"

static uint64_t hash_policy(uint64_t hash, const struct mpol_policy *policy)
{
	/* Field by field: there may be padding between them. */
	hash = hash_bytes(hash, &policy->mode, sizeof(policy->mode));
	hash = hash_bytes(hash, &policy->mode_flags, sizeof(policy->mode_flags));
	hash = hash_bytes(hash, policy->nodes, sizeof(policy->nodes));
	return hash_bytes(hash, policy->weights, sizeof(policy->weights));
}

uint64_t due_fingerprint(const struct due_scene *scene)
{
	uint64_t hash = HASH_START;

	hash = hash_bytes(hash, scene->memory.bits, sizeof(scene->memory.bits));
	hash = hash_bytes(hash, scene->allowed.bits, sizeof(scene->allowed.bits));
	hash = hash_bytes(hash, scene->weights, MPOL_NODES_MAX);
	hash = hash_bytes(hash, &scene->change_id, sizeof(scene->change_id));
	return scene->policy ? hash_policy(hash, scene->policy) : hash;
}

enum due_verdict due_look(struct due *due, uint64_t fingerprint)
{
	const uint64_t last = due->last;

	due->last = fingerprint;
	if (due->is_known && fingerprint == due->done)
		return DUE_NOT;
	if (due->is_known && fingerprint != last)
		return DUE_SOON;
	due->is_known = 1;
	due->done = fingerprint;
	return DUE_NOW;
}
