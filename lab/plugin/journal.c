/* SPDX-License-Identifier: MIT */
/* Writing JSON lines.  Everything written is a number or a plain name, so nothing needs escaping.
 */
#include "journal.h"

#include <inttypes.h>

#include "pages.h"

static void begin(FILE *out, const char *event, uint64_t host_ns, uint64_t guest_ns)
{
	fprintf(out, "{\"event\":\"%s\",\"host_ns\":%" PRIu64 ",\"guest_ns\":%" PRIu64, event,
		host_ns, guest_ns);
}

static void end(FILE *out)
{
	fputs("}\n", out);
	fflush(out);
}

void journal_calibrated(FILE *out, const struct nodemap *map, uint64_t host_ns, uint64_t guest_ns)
{
	begin(out, "calibrated", host_ns, guest_ns);
	fputs(",\"nodes\":[", out);
	for (unsigned int i = 0; i < map->nr; i++) {
		const struct nodemap_part *part = &map->parts[i];

		fprintf(out, "%s{\"node\":%d,\"reported\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
			i ? "," : "", part->node, part->start, part->length_bytes);
	}
	fputc(']', out);
	end(out);
}

void journal_start(FILE *out, const struct rules *what, int target, uint64_t host_ns,
		   uint64_t guest_ns)
{
	begin(out, "start", host_ns, guest_ns);
	fprintf(out, ",\"pid\":%d,\"by_page\":%s,\"ranges\":[", target,
		what->by_page ? "true" : "false");
	for (unsigned int i = 0; i < what->nr_ranges; i++) {
		const struct range *range = &what->ranges[i];

		fprintf(out, "%s[\"0x%" PRIx64 "\",\"0x%" PRIx64 "\"]", i ? "," : "", range->start,
			range->start + range->length_bytes);
	}
	fputc(']', out);
	end(out);
}

void journal_mark(FILE *out, const char *name, uint64_t interval, uint64_t host_ns,
		  uint64_t guest_ns)
{
	begin(out, "mark", host_ns, guest_ns);
	fprintf(out, ",\"name\":\"%s\",\"interval\":%" PRIu64, name, interval);
	end(out);
}

static void put_count(FILE *out, const char *key, const struct count *count)
{
	fprintf(out, "\"%s\":{\"loads\":%" PRIu64 ",\"stores\":%" PRIu64 "}", key, count->loads,
		count->stores);
}

struct page_writer {
	FILE *out;
	const struct nodemap *map;
	const char *separator;
};

static void put_page(const struct page_count *count, void *data)
{
	struct page_writer *writer = data;
	int node = count->cell < writer->map->nr ? writer->map->parts[count->cell].node : -1;

	fprintf(writer->out, "%s[\"0x%" PRIx64 "\",%d,%" PRIu64 ",%" PRIu64 "]", writer->separator,
		count->vpn << PAGES_SHIFT, node, count->loads, count->stores);
	writer->separator = ",";
}

void journal_interval(FILE *out, const struct interval *interval, const struct nodemap *map)
{
	begin(out, "interval", interval->end_host_ns, interval->end_guest_ns);
	fprintf(out,
		",\"interval\":%" PRIu64 ",\"start_host_ns\":%" PRIu64
		",\"start_guest_ns\":%" PRIu64 ",\"nodes\":{",
		interval->number, interval->start_host_ns, interval->start_guest_ns);
	for (unsigned int i = 0; i < map->nr; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", map->parts[i].node);
		if (i)
			fputc(',', out);
		put_count(out, key, &interval->cells[i]);
	}
	fputs("},", out);
	put_count(out, "elsewhere", &interval->cells[CELL_ELSEWHERE]);
	fputc(',', out);
	put_count(out, "unattributed", &interval->unattributed);
	if (interval->pages) {
		struct page_writer writer = { out, map, "" };

		fputs(",\"pages\":[", out);
		pages_for_each(interval->pages, put_page, &writer);
		fprintf(out, "],\"pages_lost\":%" PRIu64, pages_lost(interval->pages));
	}
	end(out);
}

void journal_stop(FILE *out, uint64_t host_ns, uint64_t guest_ns)
{
	begin(out, "stop", host_ns, guest_ns);
	end(out);
}
