/* SPDX-License-Identifier: MIT */
/* Lists of nodes and CPUs as numactl(8) writes them: see numactl-list.h. */
#include "numactl-list.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

/* The members in list form, cut at size. */
static void format_members(const struct numactl_domain *domain, char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < domain->nr && length < size; i++) {
		size_t last = i;

		if (!domain->members[i])
			continue;
		while (last + 1 < domain->nr && domain->members[last + 1])
			last++;
		length += snprintf(buffer + length, size - length, last > i ? "%s%zu-%zu" : "%s%zu",
				   length ? "," : "", i, last);
		i = last;
	}
}

static int refuse(const struct numactl_domain *domain, const char *cause, struct mpol_error *error)
{
	char members[96];

	format_members(domain, members, sizeof(members));
	error_set(error, -EINVAL, "read list", "%s", cause);
	error_advise(error, "a list is such as 0-1,3 or all or +0 or !0; %s: %s", domain->which,
		     members);
	return -EINVAL;
}

static int refuse_number(const struct numactl_domain *domain, size_t number, bool relative,
			 struct mpol_error *error)
{
	char members[96];

	format_members(domain, members, sizeof(members));
	if (relative)
		error_set(error, -ENODEV, "read list", "there is no %s at position %zu",
			  domain->noun, number);
	else
		error_set(error, -ENODEV, "read list", "%s %zu is not to be had", domain->noun,
			  number);
	error_advise(error, "%s: %s", domain->which, members);
	return -ENODEV;
}

/* The member at a position, or domain->nr. */
static size_t nth_member(const struct numactl_domain *domain, size_t position)
{
	size_t i = 0;

	for (; i < domain->nr; i++)
		if (domain->members[i] && !position--)
			break;
	return i;
}

/* Reads a number at *text and goes behind it. */
static int read_number(const struct numactl_domain *domain, const char **text, bool relative,
		       size_t *ret_member, struct mpol_error *error)
{
	unsigned long number;
	size_t member;
	char *end;

	if (isalpha((unsigned char)**text))
		return refuse(domain,
			      "names of devices, files and hosts are not taken, only numbers",
			      error);
	if (!isdigit((unsigned char)**text))
		return refuse(domain, "not a list", error);
	number = strtoul(*text, &end, 10);
	member = number;
	if (relative)
		member = nth_member(domain, number);
	if (member >= domain->nr || !domain->members[member])
		return refuse_number(domain, number, relative, error);
	*text = end;
	*ret_member = member;
	return 0;
}

/* Reads "3" or "0-3" at *text. */
static int read_range(const struct numactl_domain *domain, const char **text, bool relative,
		      bool *list, struct mpol_error *error)
{
	size_t first = 0, last;
	int r = read_number(domain, text, relative, &first, error);

	last = first;
	if (r >= 0 && **text == '-') {
		(*text)++;
		r = read_number(domain, text, relative, &last, error);
	}
	if (r < 0)
		return r;
	if (last < first)
		return refuse(domain, "a range runs backwards", error);
	for (size_t i = first; i <= last; i++)
		list[i] |= domain->members[i];
	return 0;
}

static int read_ranges(const struct numactl_domain *domain, const char *text, bool relative,
		       bool *list, struct mpol_error *error)
{
	if (!strcmp(text, "all")) {
		memcpy(list, domain->members, domain->nr * sizeof(*list));
		return 0;
	}
	for (;;) {
		int r = read_range(domain, &text, relative, list, error);

		if (r < 0)
			return r;
		if (!*text)
			return 0;
		if (*text++ != ',')
			return refuse(domain, "not a list", error);
	}
}

int numactl_list(const struct numactl_domain *domain, const char *text, bool *ret_list,
		 struct mpol_error *error)
{
	_cleanup_free_ bool *list = calloc(domain->nr + 1, sizeof(*list));
	bool invert, relative, any = false;
	int r;

	if (!list)
		return error_errno(error, -ENOMEM, "read list");
	invert = *text == '!';
	text += invert;
	relative = *text == '+';
	text += relative;
	r = read_ranges(domain, text, relative, list, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < domain->nr; i++) {
		list[i] = domain->members[i] && list[i] != invert;
		any |= list[i];
	}
	if (!any)
		return refuse(domain, "it names nothing", error);
	memcpy(ret_list, list, domain->nr * sizeof(*list));
	return 0;
}
