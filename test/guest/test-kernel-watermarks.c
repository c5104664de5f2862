/* SPDX-License-Identifier: MIT */
/*
 * In a guest: the watermarks of every zone in /proc/zoneinfo are those of
 * policy/watermarks.c, as booted and under other settings, which are put back.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"
#include "rootfs.h"
#include "watermarks.h"

#define MAX_ZONES    256
#define MIN_FREE     "proc/sys/vm/min_free_kbytes"
#define SCALE_FACTOR "proc/sys/vm/watermark_scale_factor"

struct zone {
	int node;
	char name[16];
	uint64_t managed_pages;
	struct watermarks marks;
};

static int root;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t setting(const char *path)
{
	uint64_t value;

	must(rootfs_read_u64(root, &value, "%s", path) == 0, path);
	return value;
}

static void set(const char *path, uint64_t value)
{
	char absolute[64];
	FILE *stream;

	snprintf(absolute, sizeof(absolute), "/%s", path);
	stream = fopen(absolute, "we");
	must(stream && fprintf(stream, "%lu\n", (unsigned long)value) > 0 && fclose(stream) == 0,
	     path);
}

static void note(struct zone *zone, const char *name, uint64_t pages)
{
	if (strcmp(name, "managed") == 0)
		zone->managed_pages = pages;
	else if (strcmp(name, "min") == 0)
		zone->marks.min_pages = pages;
	else if (strcmp(name, "low") == 0)
		zone->marks.low_pages = pages;
	else if (strcmp(name, "high") == 0)
		zone->marks.high_pages = pages;
	else if (strcmp(name, "promo") == 0)
		zone->marks.promo_pages = pages;
}

/* Zones with memory; returns how many. */
static int read_zones(struct zone *zones)
{
	_cleanup_free_ char *text = NULL;
	struct zone zone = { 0 };
	int nr = 0;

	must(rootfs_read(root, &text, "proc/zoneinfo") >= 0, "read zoneinfo");
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char name[16];
		unsigned long pages;

		if (sscanf(line, "Node %d, zone %15s", &zone.node, zone.name) == 2)
			continue;
		/* "high:" with a colon is a CPU's, not the zone's. */
		if (sscanf(line, " %15[a-z] %lu", name, &pages) == 2)
			note(&zone, name, pages);
		/* The last that is needed of a zone. */
		if (strstr(line, " managed ") && zone.managed_pages && nr < MAX_ZONES)
			zones[nr++] = zone;
	}
	return nr;
}

static bool is_movable(const struct zone *zone)
{
	return strcmp(zone->name, "Movable") == 0;
}

static uint64_t total_pages(const struct zone *zones, int nr_zones)
{
	uint64_t total = 0;

	for (int i = 0; i < nr_zones; i++)
		if (!is_movable(&zones[i]))
			total += zones[i].managed_pages;
	return total;
}

static void print(const char *whose, const struct zone *zone, const struct watermarks *marks)
{
	printf("# node %d %s, %s: min %lu low %lu high %lu promo %lu\n", zone->node, zone->name,
	       whose, (unsigned long)marks->min_pages, (unsigned long)marks->low_pages,
	       (unsigned long)marks->high_pages, (unsigned long)marks->promo_pages);
}

/* Returns the number of zones compared; *other grows by those that are not as computed. */
static int compare_zones(int *other)
{
	struct zone zones[MAX_ZONES];
	const int nr_zones = read_zones(zones);
	const struct watermarks_rule rule = {
		.min_free_kib = setting(MIN_FREE),
		.total_pages = total_pages(zones, nr_zones),
		.scale_factor = (unsigned)setting(SCALE_FACTOR),
	};

	for (int i = 0; i < nr_zones; i++) {
		const struct watermarks marks =
			is_movable(&zones[i])
				? watermarks_of_movable_zone(&rule, zones[i].managed_pages)
				: watermarks_of_zone(&rule, zones[i].managed_pages);

		if (memcmp(&marks, &zones[i].marks, sizeof(marks)) == 0)
			continue;
		print("computed", &zones[i], &marks);
		print("the kernel's", &zones[i], &zones[i].marks);
		(*other)++;
	}
	return nr_zones;
}

/* As booted: managed pages have grown a little since, by what only booting needed. */
static void check_boot(void)
{
	struct zone zones[MAX_ZONES];
	const int nr_zones = read_zones(zones);
	const uint64_t kernels = setting(MIN_FREE);
	const uint64_t ours =
		watermarks_min_free_kib_huge(total_pages(zones, nr_zones), (unsigned)nr_zones);

	printf("# min_free_kbytes %lu, computed %lu, for %d zones\n", (unsigned long)kernels,
	       (unsigned long)ours, nr_zones);
	check(nr_zones > 0 && ours >= kernels && ours - kernels <= kernels / 100,
	      "min_free_kbytes is as computed, within 1 %");
}

static void check_settings(void)
{
	static const uint64_t min_free_kib[] = { 1024, 8017, 40000, 99999 };
	static const uint64_t scale_factors[] = { 1, 10, 137, 1000 };
	const uint64_t booted_min_free = setting(MIN_FREE), booted_scale = setting(SCALE_FACTOR);
	int compared = 0, other = 0;

	for (size_t i = 0; i < sizeof(min_free_kib) / sizeof(min_free_kib[0]); i++) {
		set(MIN_FREE, min_free_kib[i]);
		for (size_t j = 0; j < sizeof(scale_factors) / sizeof(scale_factors[0]); j++) {
			set(SCALE_FACTOR, scale_factors[j]);
			compared += compare_zones(&other);
		}
	}
	set(SCALE_FACTOR, booted_scale);
	set(MIN_FREE, booted_min_free);
	compared += compare_zones(&other);
	printf("# %d of %d zones are not as computed\n", other, compared);
	check(compared > 0 && other == 0, "watermarks are as computed");
}

int main(void)
{
	root = rootfs_open("/");
	must(root >= 0, "open /");
	check_boot();
	check_settings();
	return failures != 0;
}
