/* SPDX-License-Identifier: MIT */
/*
 * DAMON's files: see damon-sysfs.h.
 *
 * Each target has a scheme of its own that does nothing but count ("stat") and is
 * filtered by target: the regions that it was tried on are the only ones that say whose they are.
 */
#include "damon-sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "rootfs.h"

#define KDAMONDS "sys/kernel/mm/damon/admin/kdamonds"
#define KDAMOND	 KDAMONDS "/0"
#define CONTEXT	 KDAMOND "/contexts/0"

static const char step[] = "use DAMON";

/* One lock for all files, which nobody waits for: who comes second gets EBUSY. */
#define TRIES	   100
#define PAUSE_NS   10000000L
#define REGION_MAX 65536

static void pause_a_while(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
}

static int put(int root, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int put(int root, const char *value, const char *format, ...)
{
	char path[256];
	va_list arguments;
	int r = -EBUSY;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	for (int i = 0; i < TRIES && r == -EBUSY; i++) {
		if (i > 0)
			pause_a_while();
		r = rootfs_write(root, value, "%s", path);
	}
	return r;
}

static int put_number(int root, uint64_t value, const char *path)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return put(root, text, "%s", path);
}

/* The first of several that fails tells. */
struct setting {
	const char *path; /* below the context */
	uint64_t value;
};

static int put_all(int root, const char *below, const struct setting *settings, size_t nr)
{
	char path[256];
	int r = 0;

	for (size_t i = 0; i < nr && r == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", below, settings[i].path);
		r = put_number(root, settings[i].value, path);
	}
	return r;
}

static bool is_running(int root)
{
	_cleanup_free_ char *text = NULL;
	int r = -EBUSY;

	for (int i = 0; i < TRIES && r == -EBUSY; i++) {
		if (i > 0)
			pause_a_while();
		r = (int)rootfs_read(root, &text, KDAMOND "/state");
	}
	return r > 0 && strncmp(text, "on", 2) == 0;
}

/* ---- Whose it is ------------------------------------------------------------------------- */

static uint64_t read_signature(int root, uint64_t kdamond)
{
	uint64_t update_us = 0;

	rootfs_read_u64(root, &update_us,
			KDAMONDS "/%" PRIu64 "/contexts/0/monitoring_attrs/intervals/update_us",
			kdamond);
	return update_us;
}

bool damon_sysfs_is_mpolds(int root, uint64_t kdamond)
{
	return read_signature(root, kdamond) > DAMON_SYSFS_SIGNATURES;
}

/* Nothing that anybody could miss: as it is before it is signed. */
static bool is_empty(int root)
{
	uint64_t targets = 0;

	rootfs_read_u64(root, &targets, CONTEXT "/targets/nr_targets");
	return targets == 0 && !is_running(root);
}

int damon_sysfs_check(int root, uint64_t signature, struct mpol_error *err)
{
	uint64_t nr;
	int r = rootfs_read_u64(root, &nr, KDAMONDS "/nr_kdamonds");

	if (r == -ENOENT) {
		r = error_set(err, -EOPNOTSUPP, step, "this kernel has none");
		error_on(err, "/" KDAMONDS);
		error_advise(err, "needs Linux 6.2 or later with CONFIG_DAMON_VADDR and "
				  "CONFIG_DAMON_SYSFS");
		return r;
	}
	if (r < 0) {
		error_errno(err, r, step);
		error_on(err, "/" KDAMONDS);
		error_advise(err, "needs to be root");
		return r;
	}
	if (nr == 0 || (nr == 1 && read_signature(root, 0) == signature))
		return 0;
	r = error_set(err, -EBUSY, step, "somebody else has set it up");
	error_on(err, "/" KDAMONDS);
	error_advise(err, "echo off >state in each directory there, then echo 0 >nr_kdamonds");
	return r;
}

/* The state's file says EPERM where it ended by itself. */
static int stop(int root)
{
	int r = is_running(root) ? put(root, "off", KDAMOND "/state") : 0;

	return r < 0 && is_running(root) ? r : 0;
}

int damon_sysfs_remove(int root, uint64_t signature)
{
	uint64_t nr = 0;
	int r = rootfs_read_u64(root, &nr, KDAMONDS "/nr_kdamonds");

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (nr != 1 || (read_signature(root, 0) != signature && !is_empty(root)))
		return 0;
	r = stop(root);
	return r < 0 ? r : put_number(root, 0, KDAMONDS "/nr_kdamonds");
}

/* ---- Setting it up ------------------------------------------------------------------------- */

static int set_up_context(int root, const struct damon_setup *setup)
{
	const struct setting settings[] = {
		{ "monitoring_attrs/intervals/update_us", setup->signature },
		{ "monitoring_attrs/intervals/sample_us", setup->sample_us },
		{ "monitoring_attrs/intervals/aggr_us", setup->aggregate_us },
		/* The least may never be more than the most is at that time. */
		{ "monitoring_attrs/nr_regions/max", setup->most_regions },
		{ "monitoring_attrs/nr_regions/min", setup->least_regions },
		{ "targets/nr_targets", setup->nr_targets },
		{ "schemes/nr_schemes", setup->nr_targets },
	};
	int r = put_number(root, 1, KDAMOND "/contexts/nr_contexts");

	if (r == 0)
		r = put(root, "fvaddr", CONTEXT "/operations");
	return r < 0 ? r : put_all(root, CONTEXT, settings, sizeof(settings) / sizeof(*settings));
}

static int set_up_target(int root, size_t index, const struct damon_target *target)
{
	char below[128], path[160];
	int r;

	snprintf(below, sizeof(below), CONTEXT "/targets/%zu", index);
	r = put_all(root, below,
		    (const struct setting[]) {
			    { "pid_target", (uint64_t)target->pid },
			    { "regions/nr_regions", target->nr_ranges },
		    },
		    2);
	for (size_t i = 0; i < target->nr_ranges && r == 0; i++) {
		snprintf(path, sizeof(path), "%s/regions/%zu", below, i);
		r = put_all(root, path,
			    (const struct setting[]) {
				    { "start", target->ranges[i].start },
				    { "end", target->ranges[i].end },
			    },
			    2);
	}
	return r;
}

/* What it is tried on is every region of the target; often enough that nobody waits for long. */
static int set_up_scheme(int root, size_t index, const struct damon_setup *setup)
{
	const struct setting settings[] = {
		{ "apply_interval_us", setup->aggregate_us / 4 },
		{ "access_pattern/sz/max", UINT64_MAX },
		{ "access_pattern/nr_accesses/max", UINT32_MAX },
		{ "access_pattern/age/max", UINT32_MAX },
		{ "filters/nr_filters", 1 },
	};
	char below[128];
	int r;

	snprintf(below, sizeof(below), CONTEXT "/schemes/%zu", index);
	r = put(root, "stat", "%s/action", below);
	if (r == 0)
		r = put_all(root, below, settings, sizeof(settings) / sizeof(*settings));
	if (r == 0)
		r = put(root, "target", "%s/filters/0/type", below);
	if (r == 0)
		r = put_all(root, below,
			    (const struct setting[]) { { "filters/0/damon_target_idx", index } },
			    1);
	/* What does not match is left out. */
	return r < 0 ? r : put(root, "N", "%s/filters/0/matching", below);
}

static int set_up(int root, const struct damon_setup *setup)
{
	uint64_t nr = 0;
	int r = rootfs_read_u64(root, &nr, KDAMONDS "/nr_kdamonds");

	if (r == 0)
		r = nr == 1 ? stop(root) : put_number(root, 1, KDAMONDS "/nr_kdamonds");
	if (r == 0)
		r = set_up_context(root, setup);
	for (size_t i = 0; i < setup->nr_targets && r == 0; i++) {
		r = set_up_target(root, i, &setup->targets[i]);
		if (r == 0)
			r = set_up_scheme(root, i, setup);
	}
	return r < 0 ? r : put(root, "on", KDAMOND "/state");
}

int damon_sysfs_start(int root, const struct damon_setup *setup, struct mpol_error *err)
{
	int r = damon_sysfs_check(root, setup->signature, err);

	if (r < 0)
		return r;
	r = set_up(root, setup);
	if (r < 0) {
		damon_sysfs_remove(root, setup->signature);
		error_errno(err, r, step);
		error_on(err, "/" KDAMOND);
	}
	return r;
}

/* ---- Reading ------------------------------------------------------------------------------ */

int damon_sysfs_update(int root)
{
	int r;

	if (!is_running(root))
		return -ESRCH;
	r = put(root, "update_schemes_tried_regions", KDAMOND "/state");
	return r < 0 && !is_running(root) ? -ESRCH : r;
}

static int by_start(const void *a, const void *b)
{
	const struct damon_region *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

static int read_region(int root, size_t index, const char *name, struct damon_region *ret)
{
	static const char *const files[] = { "start", "end", "nr_accesses" };
	uint64_t values[3];

	for (int i = 0; i < 3; i++) {
		int r = rootfs_read_u64(root, &values[i],
					CONTEXT "/schemes/%zu/tried_regions/%s/%s", index, name,
					files[i]);

		if (r < 0)
			return r;
	}
	if (values[0] >= values[1] || values[2] > UINT32_MAX)
		return -EBADMSG;
	*ret = (struct damon_region) { values[0], values[1], (uint32_t)values[2] };
	return 0;
}

int damon_sysfs_read(int root, size_t index, struct damon_region **ret, size_t *ret_nr)
{
	_cleanup_free_ struct damon_region *regions = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	size_t nr = 0, allocated = 0;
	struct dirent *entry;
	int r = rootfs_opendir(root, &dir, CONTEXT "/schemes/%zu/tried_regions", index);

	if (r < 0)
		return r;
	while ((entry = readdir(dir)) && nr < REGION_MAX) {
		struct damon_region *grown;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		grown = grow(regions, nr, &allocated, sizeof(*regions));
		if (!grown)
			return -ENOMEM;
		regions = grown;
		r = read_region(root, index, entry->d_name, &regions[nr]);
		if (r < 0)
			return r;
		nr++;
	}
	if (nr)
		qsort(regions, nr, sizeof(*regions), by_start);
	*ret = steal_pointer(&regions);
	*ret_nr = nr;
	return 0;
}
