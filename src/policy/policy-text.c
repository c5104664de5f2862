/* SPDX-License-Identifier: MIT */
/*
 * The one policy syntax (mpol-policy(7)), read and written:
 *
 *   policy  = mode [":" nodes] *( "+" flag / ",home=" node )
 *   nodes   = element *( "," element )
 *   element = ( "all" / node / node "-" node ) [ "=" weight ]
 *
 * A comma is followed either by an element, which starts with a digit or "all",
 * or by "home=", so one character of look-ahead decides.  What a mode takes is
 * in one table.  Pure: no I/O, no allocation; the text is read once.
 */
#include "policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define ALL_MODES "default, local, bind, prefer, prefer-many, interleave, weighted"

enum node_list {
	NODES_NONE,
	NODES_ONE,
	NODES_MANY,
	NODES_WEIGHTED,
};

/* What a mode takes: mm/mempolicy.c, sanitize_mpol_flags, mpol_new, set_mempolicy_home_node. */
struct mode_rule {
	const char *name;
	uint16_t mode;
	enum node_list nodes;
	uint16_t flags;
};

static const struct mode_rule mode_rules[] = {
	{ "default", MPOL_MODE_DEFAULT, NODES_NONE, 0 },
	{ "local", MPOL_MODE_LOCAL, NODES_NONE, 0 },
	{ "bind", MPOL_MODE_BIND, NODES_MANY,
	  MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING | MPOL_FLAG_HOME_NODE },
	{ "prefer", MPOL_MODE_PREFERRED, NODES_ONE, MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE },
	{ "prefer-many", MPOL_MODE_PREFERRED_MANY, NODES_MANY,
	  MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING | MPOL_FLAG_HOME_NODE },
	{ "interleave", MPOL_MODE_INTERLEAVE, NODES_MANY, MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE },
	{ "weighted", MPOL_MODE_WEIGHTED_INTERLEAVE, NODES_WEIGHTED,
	  MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE },
};

#define NR_MODE_RULES (sizeof(mode_rules) / sizeof(mode_rules[0]))

static const struct {
	const char *name;
	uint16_t flag;
} flag_names[] = {
	{ "static", MPOL_FLAG_STATIC },
	{ "relative", MPOL_FLAG_RELATIVE },
	{ "balancing", MPOL_FLAG_BALANCING },
};

#define NR_FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

struct parser {
	const char *text;   /* the whole policy, for messages */
	const char *cursor; /* what is not yet read */
	const struct policy_nodes *nodes;
	struct mpol_error *err;
	const struct mode_rule *rule;
	struct mpol_policy policy;
};

/* ---- Reading ----------------------------------------------------------------- */

static int refuse(struct parser *p, int code, const char *cause, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct parser *p, int code, const char *cause, ...)
{
	char words[sizeof(((struct mpol_error *)0)->cause)];
	va_list args;

	va_start(args, cause);
	vsnprintf(words, sizeof(words), cause, args);
	va_end(args);
	error_set(p->err, code, "read policy", "%s", words);
	error_on(p->err, "%s", p->text);
	return code;
}

/* Says which nodes would be right, as far as the machine is known. */
static int refuse_nodes(struct parser *p, int code)
{
	char memory[96];

	if (p->nodes) {
		nodemask_format(&p->nodes->memory, memory, sizeof(memory));
		error_advise(p->err, "nodes with memory on this machine: %s", memory);
	} else {
		error_advise(p->err, "nodes are numbers from 0 to %d, such as 0-1,3",
			     NODES_MAX - 1);
	}
	return code;
}

static size_t word_length(const char *text)
{
	return strcspn(text, ":+,=");
}

static bool word_is(const char *text, size_t length, const char *name)
{
	return strlen(name) == length && !strncmp(text, name, length);
}

static int parse_mode(struct parser *p)
{
	size_t length = word_length(p->cursor);

	for (size_t i = 0; i < NR_MODE_RULES; i++) {
		if (!word_is(p->cursor, length, mode_rules[i].name))
			continue;
		p->rule = &mode_rules[i];
		p->policy.mode = p->rule->mode;
		p->cursor += length;
		return 0;
	}
	refuse(p, -EINVAL, "no such mode: \"%.*s\"", (int)(length < 40 ? length : 40), p->cursor);
	error_advise(p->err, "modes are " ALL_MODES "; for example bind:0-1");
	return -EINVAL;
}

/* Reads a decimal number of at most max at the cursor; what names it in messages. */
static int parse_number(struct parser *p, int max, const char *what, int *ret)
{
	size_t length = word_length(p->cursor);
	int shown = (int)(length < 40 ? length : 40);
	const char *word = p->cursor;
	int number = 0;

	if (!isdigit((unsigned char)*word))
		return refuse(p, -EINVAL, "%s expected, not \"%.*s\"", what, shown, word);
	while (isdigit((unsigned char)*p->cursor)) {
		number = number * 10 + (*p->cursor++ - '0');
		if (number > max)
			return refuse(p, -EINVAL, "%s %.*s is over %d", what, shown, word, max);
	}
	*ret = number;
	return 0;
}

/* "all", "N" or "N-M" into *ret. */
static int parse_element_nodes(struct parser *p, struct nodemask *ret)
{
	int first, last, r;

	if (word_is(p->cursor, word_length(p->cursor), "all")) {
		if (!p->nodes)
			return refuse(p, -EINVAL, "\"all\" needs a machine to count its nodes");
		p->cursor += strlen("all");
		*ret = p->nodes->memory;
		return 0;
	}
	r = parse_number(p, NODES_MAX - 1, "node", &first);
	if (r < 0)
		return refuse_nodes(p, r);
	last = first;
	if (*p->cursor == '-') {
		p->cursor++;
		r = parse_number(p, NODES_MAX - 1, "node", &last);
		if (r < 0)
			return refuse_nodes(p, r);
		if (last < first)
			return refuse(p, -EINVAL, "range %d-%d goes backwards", first, last);
	}
	*ret = (struct nodemask) { { 0 } };
	for (int node = first; node <= last; node++)
		nodemask_set(ret, node);
	return 0;
}

static int parse_weight(struct parser *p, const struct nodemask *nodes)
{
	int weight, node, r;

	if (p->rule->nodes != NODES_WEIGHTED) {
		refuse(p, -EINVAL, "%s takes no weights", p->rule->name);
		error_advise(p->err, "weights belong to weighted, as in weighted:0=3,2=1");
		return -EINVAL;
	}
	p->cursor++;
	r = parse_number(p, UINT8_MAX, "weight", &weight);
	if (r >= 0 && !weight)
		r = refuse(p, -EINVAL, "weight 0");
	if (r < 0) {
		error_advise(p->err, "weights are whole numbers from 1 to 255; leave \"=WEIGHT\" "
				     "out for the kernel's global weight");
		return r;
	}
	nodemask_for_each (node, nodes)
		p->policy.weights[node] = weight;
	return 0;
}

static int parse_element(struct parser *p)
{
	struct nodemask all = policy_nodemask(&p->policy), nodes, twice;
	int r;

	r = parse_element_nodes(p, &nodes);
	if (r < 0)
		return r;
	twice = nodemask_and(&all, &nodes);
	if (!nodemask_empty(&twice))
		return refuse(p, -EINVAL, "node %d is named twice", nodemask_next(&twice, 0));
	all = nodemask_or(&all, &nodes);
	policy_set_nodemask(&p->policy, &all);
	return *p->cursor == '=' ? parse_weight(p, &nodes) : 0;
}

static bool at_home(const char *text)
{
	return !strncmp(text, ",home=", strlen(",home="));
}

static int parse_nodes(struct parser *p)
{
	struct nodemask nodes;

	if (*p->cursor != ':') {
		if (p->rule->nodes == NODES_NONE)
			return 0;
		refuse(p, -EINVAL, "%s needs nodes", p->rule->name);
		error_advise(p->err, "for example %s:0", p->rule->name);
		return -EINVAL;
	}
	if (p->rule->nodes == NODES_NONE) {
		refuse(p, -EINVAL, "%s takes no nodes", p->rule->name);
		error_advise(p->err, "write just \"%s\"", p->rule->name);
		return -EINVAL;
	}
	do {
		int r;

		p->cursor++;
		r = parse_element(p);
		if (r < 0)
			return r;
	} while (*p->cursor == ',' && !at_home(p->cursor));

	nodes = policy_nodemask(&p->policy);
	if (p->rule->nodes == NODES_ONE && nodemask_weight(&nodes) > 1) {
		refuse(p, -EINVAL, "%s takes one node", p->rule->name);
		error_advise(p->err, "prefer-many takes several");
		return -EINVAL;
	}
	return 0;
}

/* Whether the mode takes the flag; name is how the flag is written. */
static int check_flag(struct parser *p, uint16_t flag, const char *name)
{
	char takers[96] = "";

	if (p->rule->flags & flag)
		return 0;
	refuse(p, -EINVAL, "%s does not take %s", p->rule->name, name);
	for (size_t i = 0; i < NR_MODE_RULES; i++) {
		size_t used = strlen(takers);

		if (mode_rules[i].flags & flag)
			snprintf(takers + used, sizeof(takers) - used, "%s%s", used ? ", " : "",
				 mode_rules[i].name);
	}
	error_advise(p->err, "modes that take %s: %s", name, takers);
	return -EINVAL;
}

static int parse_flag(struct parser *p)
{
	const char *plus = p->cursor++;
	size_t length = word_length(p->cursor);

	for (size_t i = 0; i < NR_FLAG_NAMES; i++) {
		char written[16];

		if (!word_is(p->cursor, length, flag_names[i].name))
			continue;
		p->cursor += length;
		snprintf(written, sizeof(written), "+%s", flag_names[i].name);
		p->policy.mode_flags |= flag_names[i].flag;
		return check_flag(p, flag_names[i].flag, written);
	}
	refuse(p, -EINVAL, "no such flag: \"%.*s\"", (int)(length < 40 ? length : 40) + 1, plus);
	error_advise(p->err, "flags are +static, +relative, +balancing");
	return -EINVAL;
}

static int parse_home(struct parser *p)
{
	int home, r;

	if (p->policy.mode_flags & MPOL_FLAG_HOME_NODE)
		return refuse(p, -EINVAL, "home= is given twice");
	r = check_flag(p, MPOL_FLAG_HOME_NODE, "home=");
	if (r < 0)
		return r;
	p->cursor += strlen(",home=");
	r = parse_number(p, NODES_MAX - 1, "home node", &home);
	if (r < 0)
		return refuse_nodes(p, r);
	p->policy.mode_flags |= MPOL_FLAG_HOME_NODE;
	p->policy.home_node = home;
	return 0;
}

static int parse_suffixes(struct parser *p)
{
	while (*p->cursor) {
		int r;

		if (*p->cursor == '+')
			r = parse_flag(p);
		else if (at_home(p->cursor))
			r = parse_home(p);
		else {
			refuse(p, -EINVAL, "what is \"%.40s\"?", p->cursor);
			error_advise(p->err, "after the nodes come +static, +relative, +balancing "
					     "and ,home=NODE");
			return -EINVAL;
		}
		if (r < 0)
			return r;
	}
	if ((p->policy.mode_flags & MPOL_FLAG_STATIC) &&
	    (p->policy.mode_flags & MPOL_FLAG_RELATIVE)) {
		refuse(p, -EINVAL, "+static and +relative exclude each other");
		error_advise(p->err, "+static: these very nodes; +relative: counted within what "
				     "the cpuset allows");
		return -EINVAL;
	}
	return 0;
}

static int check_nodes(struct parser *p)
{
	struct nodemask nodes = policy_nodemask(&p->policy), outside;
	int home = p->policy.home_node;

	if (!p->nodes)
		return 0;
	if ((p->policy.mode_flags & MPOL_FLAG_HOME_NODE) && !nodemask_test(&p->nodes->online, home))
		return refuse_nodes(p, refuse(p, -ENODEV, "home node %d does not exist", home));
	/* Relative nodes are positions within the cpuset's nodes, wrapping round. */
	if (p->policy.mode_flags & MPOL_FLAG_RELATIVE)
		return 0;
	outside = nodemask_andnot(&nodes, &p->nodes->online);
	if (!nodemask_empty(&outside))
		return refuse_nodes(p, refuse(p, -ENODEV, "node %d does not exist",
					      nodemask_next(&outside, 0)));
	outside = nodemask_andnot(&nodes, &p->nodes->memory);
	if (!nodemask_empty(&outside))
		return refuse_nodes(
			p, refuse(p, -ENODEV, "node %d has no memory", nodemask_next(&outside, 0)));
	return 0;
}

int policy_parse(const char *text, const struct policy_nodes *nodes, struct mpol_policy *ret_policy,
		 struct mpol_error *err)
{
	struct parser p = { .text = text, .cursor = text, .nodes = nodes, .err = err };
	int r;

	r = parse_mode(&p);
	if (r >= 0)
		r = parse_nodes(&p);
	if (r >= 0)
		r = parse_suffixes(&p);
	if (r >= 0)
		r = check_nodes(&p);
	if (r < 0)
		return r;
	*ret_policy = p.policy;
	return 0;
}

/* ---- Writing ------------------------------------------------------------------- */

struct writer {
	char *buffer;
	size_t size;
	size_t length; /* of the whole text, also what was cut */
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
	bool room = w->length < w->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? w->buffer + w->length : NULL, room ? w->size - w->length : 0, format,
		      args);
	va_end(args);
	if (n > 0)
		w->length += n;
}

/* Runs of nodes with one weight: "0-1=3,2". */
static void put_nodes(struct writer *w, const struct mpol_policy *policy)
{
	struct nodemask nodes = policy_nodemask(policy);
	bool weighted = policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE;
	const char *separator = ":";
	int first;

	nodemask_for_each (first, &nodes) {
		uint8_t weight = weighted ? policy->weights[first] : 0;
		int last = first;

		while (last + 1 < NODES_MAX && nodemask_test(&nodes, last + 1) &&
		       (!weighted || policy->weights[last + 1] == weight))
			last++;
		put(w, "%s%d", separator, first);
		if (last > first)
			put(w, "-%d", last);
		if (weight)
			put(w, "=%d", weight);
		separator = ",";
		first = last;
	}
}

size_t policy_format(const struct mpol_policy *policy, char *buffer, size_t size)
{
	struct writer w = { .buffer = buffer, .size = size };
	const char *name = NULL;

	if (size)
		buffer[0] = '\0';
	for (size_t i = 0; i < NR_MODE_RULES; i++)
		if (mode_rules[i].mode == policy->mode)
			name = mode_rules[i].name;
	if (name)
		put(&w, "%s", name);
	else
		put(&w, "mode-%d", policy->mode);
	put_nodes(&w, policy);
	for (size_t i = 0; i < NR_FLAG_NAMES; i++)
		if (policy->mode_flags & flag_names[i].flag)
			put(&w, "+%s", flag_names[i].name);
	if (policy->mode_flags & MPOL_FLAG_HOME_NODE)
		put(&w, ",home=%d", policy->home_node);
	return w.length;
}
