/* SPDX-License-Identifier: MIT */
/* Finding the reader for a machine's description: see machine-file.h. */
#include "machine-file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "machine-hwloc.h"
#include "machine-profile.h"
#include "machine-yaml.h"
#include "text.h"

DEFINE_CLEANUP(struct machine *, machine_free);

/* Fills text, which the caller frees.  Returns 0 or -errno. */
static int read_file(const char *path, struct text *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char chunk[16384];
	size_t n;

	if (!file)
		return -errno;
	text_append(text, "", 0);
	while (!text->error && (n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
		text_append(text, chunk, n);
		if (text->length > MACHINE_FILE_MAX_BYTES)
			return -EFBIG;
	}
	return ferror(file) ? -errno : text->error;
}

static int read_text(const char *path, struct machine **ret_machine, struct mpol_error *err)
{
	_cleanup_(text_free) struct text text = { 0 };
	int r = read_file(path, &text);

	if (r < 0) {
		error_errno(err, r, "read machine");
		error_on(err, "%s", path);
		if (r == -ENOENT && !strchr(path, '/'))
			error_advise(err, "nor is there a machine of that name: mpol topo "
					  "--machines lists them");
		return r;
	}
	if (text.data[strspn(text.data, " \t\r\n")] == '<')
		return machine_from_hwloc_xml_text(path, text.data, text.length, ret_machine, err);
	return machine_from_yaml_text(path, text.data, text.length, ret_machine, err);
}

int machine_from_file(const char *path_or_name, struct machine **ret_machine,
		      struct mpol_error *err)
{
	const struct machine_profile *profile = machine_profile_find(path_or_name);
	_cleanup_(machine_freep) struct machine *machine = NULL;
	int r;

	if (profile)
		r = machine_from_yaml_text(profile->name, profile->yaml, strlen(profile->yaml),
					   &machine, err);
	else
		r = read_text(path_or_name, &machine, err);
	if (r < 0)
		return r;
	if (machine_judge(machine) < 0)
		return error_errno(err, -ENOMEM, "judge machine");
	machine_assign_tiers(machine);
	*ret_machine = steal_pointer(&machine);
	return 0;
}
