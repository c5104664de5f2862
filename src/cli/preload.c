/* SPDX-License-Identifier: MIT */
/* The environment of programs with weights of their own: see preload.h. */
#include "preload.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "nodemask.h"

#define LIBRARY	     "libmpol-preload.so"
#define BUILD_FOLDER "/src/cli" /* of mpol, beside that of the library */
#define STEP	     "prepare preloading"

/* ---- The wish ------------------------------------------------------------------------ */

static int refuse(struct mpol_error *error, const char *cause)
{
	error_set(error, -EINVAL, STEP, "%s", cause);
	error_advise(error, "--preload goes with weighted:NODE=WEIGHT,..., without flags");
	return -EINVAL;
}

static int check_policy(const struct mpol_policy *policy, struct mpol_error *error)
{
	bool has_weight = false;

	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return refuse(error, "the policy has no weights");
	for (int node = 0; node < MPOL_NODES_MAX; node++)
		has_weight |= policy->weights[node];
	if (!has_weight)
		return refuse(error, "the policy has no weights of its own: the kernel's need no "
				     "library");
	if (policy->mode_flags)
		return refuse(error, "nodes of stripes do not follow the cpuset");
	return 0;
}

/* Puts in the kernel's weights where none is given.  Returns whether all are the kernel's then. */
static bool fill_weights(struct mpol_policy *policy, const struct mpol_kernel_weights *kernel)
{
	bool same = true;

	for (int node = 0; node < MPOL_NODES_MAX; node++) {
		uint8_t *weight = &policy->weights[node];

		if (!nodemask_words_test(policy->nodes, node))
			continue;
		if (!*weight)
			*weight = kernel->weights[node] ? kernel->weights[node] : 1;
		same &= *weight == kernel->weights[node];
	}
	return same;
}

/* ---- The library --------------------------------------------------------------------- */

/* Beside mpol as it was built, or where it was installed; MPOL_LIBDIR is as seen from mpol's. */
static int find_library(char path[PATH_MAX], struct mpol_error *error)
{
	char own[PATH_MAX] = "", there[PATH_MAX], *slash;
	const ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	int written;

	slash = length > 0 ? strrchr(own, '/') : NULL;
	if (!slash)
		return error_errno(error, -ENOENT, STEP);
	*slash = '\0';
	if (slash - own >= (ssize_t)strlen(BUILD_FOLDER) &&
	    !strcmp(slash - strlen(BUILD_FOLDER), BUILD_FOLDER))
		written = snprintf(there, sizeof(there), "%s/../preload/" LIBRARY, own);
	else if (MPOL_LIBDIR[0] == '/')
		written = snprintf(there, sizeof(there), MPOL_LIBDIR "/" LIBRARY);
	else
		written = snprintf(there, sizeof(there), "%s/" MPOL_LIBDIR "/" LIBRARY, own);
	if (written < PATH_MAX && realpath(there, path) && access(path, R_OK) == 0)
		return 0;
	error_set(error, -ENOENT, STEP, "the library is not there");
	error_on(error, "%s", there);
	error_advise(error, "it is installed with mpol: ./do install, or the package");
	return -ENOENT;
}

/* Behind what is there already: another allocator or a sanitizer wants to be the first. */
static int add_library(const char *path, struct mpol_error *error)
{
	const char *others = getenv("LD_PRELOAD");
	_cleanup_free_ char *all = NULL;

	if (strpbrk(path, ": ")) {
		error_set(error, -EINVAL, STEP,
			  "ld.so takes no path with blanks or colons in LD_PRELOAD");
		error_on(error, "%s", path);
		error_advise(error, "install mpol elsewhere");
		return -EINVAL;
	}
	if (others && strstr(others, LIBRARY))
		return 0;
	if (asprintf(&all, "%s%s%s", others ? others : "", others && *others ? ":" : "", path) <
		    0 ||
	    setenv("LD_PRELOAD", all, 1) < 0)
		return error_errno(error, -ENOMEM, STEP);
	return 0;
}

int preload_prepare(struct mpol_policy *policy, struct mpol_error *error)
{
	struct mpol_kernel_weights kernel = { .automatic = -1 };
	struct mpol_policy wish = *policy;
	char path[PATH_MAX], text[MPOL_NODES_MAX * 12];
	bool has_table;
	int r = check_policy(policy, error);

	if (r < 0)
		return r;
	r = mpol_kernel_weights_read(NULL, &kernel, error);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	has_table = r == 0;
	error_clear(error);
	preload_forget();
	if (fill_weights(&wish, &kernel))
		return 0;
	r = find_library(path, error);
	if (r >= 0)
		r = add_library(path, error);
	if (r < 0)
		return r;
	mpol_policy_format(&wish, text, sizeof(text));
	if (setenv("MPOL_PRELOAD", text, 1) < 0)
		return error_errno(error, -ENOMEM, STEP);
	memset(policy->weights, 0, sizeof(policy->weights));
	if (!has_table)
		policy->mode = MPOL_MODE_INTERLEAVE;
	return 0;
}

void preload_forget(void)
{
	unsetenv("MPOL_PRELOAD");
}
