/* SPDX-License-Identifier: MIT */
/* Lines of a journal: see journal-record.h. */
#include "journal-record.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "grow.h"
#include "policy.h"

/* Room for the text of any policy: 1024 nodes with a weight each. */
#define POLICY_TEXT_BYTES 16384

/* ---- Sets of policies ------------------------------------------------------------ */

const struct mpol_policy *policy_set_keep(struct policy_set *set, const struct mpol_policy *policy)
{
	struct mpol_policy *kept, **policies;

	for (size_t i = 0; i < set->nr; i++)
		if (policy_equal(set->policies[i], policy))
			return set->policies[i];
	policies = grow(set->policies, set->nr, &set->allocated, sizeof(*policies));
	if (!policies)
		return NULL;
	set->policies = policies;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return NULL;
	*kept = *policy;
	set->policies[set->nr++] = kept;
	return kept;
}

void policy_set_free(struct policy_set *set)
{
	for (size_t i = 0; i < set->nr; i++)
		free(set->policies[i]);
	free(set->policies);
	*set = (struct policy_set) { 0 };
}

/* ---- To JSON --------------------------------------------------------------------- */

static json_t *policy_value(const struct mpol_policy *policy)
{
	char text[POLICY_TEXT_BYTES];

	policy_format(policy, text, sizeof(text));
	return json_string(text);
}

/* A process may call itself anything: what is not ASCII becomes '?'. */
static json_t *name_value(const char *name)
{
	char plain[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(plain) - 1; i++)
		plain[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	return json_stringn(plain, i);
}

static json_t *replaced_value(const struct mpol_replaced *replaced)
{
	if (replaced->tid)
		return json_pack("{s:i, s:I, s:o}", "tid", replaced->tid, "start",
				 (json_int_t)replaced->start_ticks, "policy",
				 policy_value(replaced->policy));
	if (!replaced->end)
		return json_pack("{s:o}", "policy", policy_value(replaced->policy));
	return json_pack("{s:I, s:I, s:o}", "from", (json_int_t)replaced->start, "to",
			 (json_int_t)replaced->end, "policy", policy_value(replaced->policy));
}

static json_t *change_value(const struct journal_record *record)
{
	const struct mpol_change *change = &record->change;
	json_t *replaced = json_array();

	for (size_t i = 0; i < change->nr_replaced; i++)
		json_array_append_new(replaced, replaced_value(&change->replaced[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:i, s:I, s:o, s:i, s:o, s:o}",
			 "change", (json_int_t)change->id, "time", (json_int_t)change->time_s,
			 "uid", (json_int_t)change->uid, "undoes", (json_int_t)change->undoes,
			 "reapplies", (json_int_t)change->reapplies, "boot", record->boot, "verb",
			 change->verb, "pid", change->pid, "start", (json_int_t)change->start_ticks,
			 "name", name_value(change->name), "tid", change->tid, "intended",
			 policy_value(change->intended), "replaced", replaced);
}

char *journal_record_format(const struct journal_record *record)
{
	_cleanup_(json_decrefp) json_t *value = NULL;

	if (record->is_end)
		value = json_pack("{s:I, s:I}", "end", (json_int_t)record->change.id, "done",
				  (json_int_t)record->change.nr_done);
	else
		value = change_value(record);
	return value ? json_dumps(value, JSON_COMPACT) : NULL;
}

/* ---- From JSON ------------------------------------------------------------------- */

static int parse_policy(const char *text, struct policy_set *policies,
			const struct mpol_policy **ret_policy)
{
	struct mpol_policy policy;

	if (policy_parse(text, NULL, &policy, NULL) < 0)
		return -EBADMSG;
	*ret_policy = policy_set_keep(policies, &policy);
	return *ret_policy ? 0 : -ENOMEM;
}

/* Of a process it is a thread or a range, of the kernel neither. */
static int parse_replaced(json_t *value, bool of_kernel, struct policy_set *policies,
			  struct mpol_replaced *ret_replaced)
{
	json_int_t tid = 0, start = 0, from = 0, to = 0;
	const char *policy = "";

	if (json_unpack(value, "{s?I, s?I, s?I, s?I, s:s}", "tid", &tid, "start", &start, "from",
			&from, "to", &to, "policy", &policy) < 0)
		return -EBADMSG;
	if (tid < 0 || tid > INT32_MAX || start < 0 || from < 0 || to < from ||
	    (of_kernel ? tid || to : (tid == 0) != (to > 0)))
		return -EBADMSG;
	*ret_replaced = (struct mpol_replaced) {
		.tid = (pid_t)tid,
		.start_ticks = (uint64_t)start,
		.start = (uint64_t)from,
		.end = (uint64_t)to,
	};
	return parse_policy(policy, policies, &ret_replaced->policy);
}

static int parse_all_replaced(json_t *array, struct policy_set *policies,
			      struct mpol_change *change)
{
	size_t nr = json_array_size(array);
	struct mpol_replaced *replaced = calloc(nr + 1, sizeof(*replaced));

	if (!replaced)
		return -ENOMEM;
	change->replaced = replaced;
	for (; change->nr_replaced < nr; change->nr_replaced++) {
		int r = parse_replaced(json_array_get(array, change->nr_replaced), !change->pid,
				       policies, &replaced[change->nr_replaced]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_change(json_t *value, struct policy_set *policies, struct journal_record *record)
{
	json_int_t id, time_s, uid, undoes, reapplies = 0, pid, start, tid;
	const char *boot, *verb, *name, *intended;
	struct mpol_change *change = &record->change;
	json_t *replaced;
	int r;

	if (json_unpack(value, "{s:I, s:I, s:I, s:I, s?I, s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:o}",
			"change", &id, "time", &time_s, "uid", &uid, "undoes", &undoes, "reapplies",
			&reapplies, "boot", &boot, "verb", &verb, "pid", &pid, "start", &start,
			"name", &name, "tid", &tid, "intended", &intended, "replaced",
			&replaced) < 0)
		return -EBADMSG;
	if (id <= 0 || undoes < 0 || reapplies < 0 || uid < 0 || uid > UINT32_MAX || pid < 0 ||
	    pid > INT32_MAX || start < 0 || tid < 0 || tid > INT32_MAX ||
	    strlen(boot) >= sizeof(record->boot) || !json_is_array(replaced))
		return -EBADMSG;
	*change = (struct mpol_change) {
		.id = (uint64_t)id,
		.time_s = time_s,
		.uid = (uid_t)uid,
		.undoes = (uint64_t)undoes,
		.reapplies = (uint64_t)reapplies,
		.pid = (pid_t)pid,
		.start_ticks = (uint64_t)start,
		.tid = (pid_t)tid,
		.verb = strdup(verb),
		.name = strdup(name),
	};
	strcpy(record->boot, boot);
	if (!change->verb || !change->name)
		return -ENOMEM;
	r = parse_policy(intended, policies, &change->intended);
	return r < 0 ? r : parse_all_replaced(replaced, policies, change);
}

static int parse_end(json_t *value, struct journal_record *record)
{
	json_int_t id, done;

	if (json_unpack(value, "{s:I, s:I}", "end", &id, "done", &done) < 0 || id <= 0 || done < 0)
		return -EBADMSG;
	record->is_end = true;
	record->change.id = (uint64_t)id;
	record->change.nr_done = (uint64_t)done;
	return 0;
}

int journal_record_parse(const char *text, size_t length, struct policy_set *policies,
			 struct journal_record *ret_record)
{
	_cleanup_(json_decrefp) json_t *value =
		json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	struct journal_record record = { 0 };
	int r;

	if (!json_is_object(value))
		return -EBADMSG;
	if (json_object_get(value, "end"))
		r = parse_end(value, &record);
	else
		r = parse_change(value, policies, &record);
	if (r < 0) {
		journal_record_free(&record);
		return r;
	}
	*ret_record = record;
	return 0;
}

void journal_record_free(struct journal_record *record)
{
	free((char *)record->change.verb);
	free((char *)record->change.name);
	free((struct mpol_replaced *)record->change.replaced);
	*record = (struct journal_record) { 0 };
}
