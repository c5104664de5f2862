/* SPDX-License-Identifier: MIT */
/* The kernel's interleave weights, read and written: see kernel-weights.h. */
#include "kernel-weights.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "nodemask.h"
#include "rootfs.h"
#include "text.h"

#define TABLE	   "sys/kernel/mm/mempolicy/weighted_interleave"
#define WEIGHT_MAX 255

/* ---- Reading ----------------------------------------------------------------------- */

static int refuse(struct mpol_error *err, int code, const char *file)
{
	error_errno(err, code, "read weights");
	if (code == -EBADMSG)
		error_set(err, code, "read weights", "the kernel writes no such thing");
	error_on(err, "/" TABLE "/%s", file);
	return code;
}

static int read_weight(int root, const char *file, struct mpol_kernel_weights *weights,
		       struct mpol_error *err)
{
	uint64_t node, weight;
	int r = parse_u64(file + strlen("node"), 10, &node);

	if (r < 0 || node >= NODES_MAX)
		return 0;
	r = rootfs_read_u64(root, &weight, TABLE "/%s", file);
	if (r >= 0 && (!weight || weight > WEIGHT_MAX))
		r = -EBADMSG;
	if (r < 0)
		return refuse(err, r, file);
	weights->weights[node] = (uint8_t)weight;
	return 0;
}

static int read_automatic(int root, struct mpol_kernel_weights *weights, struct mpol_error *err)
{
	char word[8];
	int r = rootfs_read_word(root, word, sizeof(word), TABLE "/auto");

	if (r == -ENOENT)
		return 0;
	if (r >= 0 && strcmp(word, "true") && strcmp(word, "false"))
		r = -EBADMSG;
	if (r < 0)
		return refuse(err, r, "auto");
	weights->automatic = !strcmp(word, "true");
	return 0;
}

int kernel_weights_read(int root, struct mpol_kernel_weights *ret, struct mpol_error *err)
{
	struct mpol_kernel_weights weights = { .automatic = -1 };
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int r = rootfs_opendir(root, &dir, TABLE);

	if (r == -ENOENT) {
		error_set(err, -EOPNOTSUPP, "read weights",
			  "this kernel has no interleave weights (they came with Linux 6.9)");
		error_advise(err,
			     "interleave:NODES shares evenly, and mpol bind gives each node "
			     "ranges of its own; mpol weights explain derives weights here too");
		return -EOPNOTSUPP;
	}
	if (r < 0)
		return refuse(err, r, "");
	while (r >= 0 && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "node", strlen("node")))
			r = read_weight(root, entry->d_name, &weights, err);
	if (r >= 0)
		r = read_automatic(root, &weights, err);
	if (r < 0)
		return r;
	*ret = weights;
	return 0;
}

/* ---- Writing ----------------------------------------------------------------------- */

static int put_weight(int root, int node, uint8_t weight)
{
	char text[8];

	snprintf(text, sizeof(text), "%d\n", weight);
	return rootfs_write(root, text, TABLE "/node%d", node);
}

static int put_automatic(int root, bool automatic)
{
	return rootfs_write(root, automatic ? "true\n" : "false\n", TABLE "/auto");
}

/* Puts back what is not as before.  Returns 0 or the first -errno; tries all. */
static int take_back(int root, const struct mpol_kernel_weights *before)
{
	struct mpol_kernel_weights now;
	int first = kernel_weights_read(root, &now, NULL);

	if (first < 0)
		return first;
	for (int node = 0; node < NODES_MAX; node++) {
		int r = now.weights[node] == before->weights[node]
				? 0
				: put_weight(root, node, before->weights[node]);

		first = first < 0 ? first : r;
	}
	/* Last, since a weight that is written turns it off. */
	if (before->automatic == 1) {
		int r = put_automatic(root, true);

		/* -ENODEV: the kernel knows no bandwidths, so what it derives is what was just put.
		 */
		first = first < 0 || r == -ENODEV ? first : r;
	}
	return first;
}

static int fail(int root, const struct mpol_kernel_weights *before, int code, const char *file,
		struct mpol_error *err)
{
	int r = take_back(root, before);

	error_errno(err, code, "write weights");
	error_on(err, "/" TABLE "/%s", file);
	if (r < 0)
		error_advise(err, "what was written before could not be taken back: mpol weights "
				  "show says what is there");
	else if (code == -EACCES || code == -EPERM)
		error_advise(err, "nothing is changed; the kernel's weights are root's to write");
	else
		error_advise(err, "nothing is changed");
	return code;
}

static int check_nodes(const struct mpol_kernel_weights *wanted,
		       const struct mpol_kernel_weights *before, struct mpol_error *err)
{
	for (int node = 0; node < NODES_MAX; node++) {
		if (!wanted->weights[node] || before->weights[node])
			continue;
		error_set(err, -ENODEV, "write weights", "the kernel has no weight for it");
		error_on(err, "node %d", node);
		return -ENODEV;
	}
	return 0;
}

static int write_weights(int root, const struct mpol_kernel_weights *wanted,
			 const struct mpol_kernel_weights *before, struct mpol_error *err)
{
	struct mpol_kernel_weights now;
	char file[16];
	int r = before->automatic == 1 ? put_automatic(root, false) : 0;

	if (r < 0)
		return fail(root, before, r, "auto", err);
	for (int node = 0; node < NODES_MAX; node++) {
		if (!wanted->weights[node] || wanted->weights[node] == before->weights[node])
			continue;
		r = put_weight(root, node, wanted->weights[node]);
		snprintf(file, sizeof(file), "node%d", node);
		if (r < 0)
			return fail(root, before, r, file, err);
	}
	r = kernel_weights_read(root, &now, err);
	for (int node = 0; r >= 0 && node < NODES_MAX; node++) {
		if (!wanted->weights[node] || wanted->weights[node] == now.weights[node])
			continue;
		snprintf(file, sizeof(file), "node%d", node);
		return fail(root, before, -EIO, file, err);
	}
	return r;
}

int kernel_weights_write(int root, const struct mpol_kernel_weights *wanted, struct mpol_error *err)
{
	struct mpol_kernel_weights before;
	int r = kernel_weights_read(root, &before, err);

	if (r >= 0)
		r = check_nodes(wanted, &before, err);
	if (r < 0)
		return r;
	if (wanted->automatic != 1 || before.automatic < 0)
		return write_weights(root, wanted, &before, err);
	r = put_automatic(root, true);
	if (r == -ENODEV)
		return write_weights(root, wanted, &before, err);
	return r < 0 ? fail(root, &before, r, "auto", err) : 0;
}
