/* SPDX-License-Identifier: MIT */
/* Which ranges drive bandwidth: see traffic.h. */
#include "traffic.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "least.h"
#include "page.h"

#define NS_PER_S   1000000000U
#define BITS_WORD  64
#define PERMILLE   1000U
#define HUGE_PAGES 512U

/* Whole blocks for each one that was accessed in part, where these are huge pages. */
#define MOST_WHOLE 8

/* The least run that may be a stream, the longest that chance may need, in units. */
#define LEAST_RUN   4
#define LONGEST_RUN 4096

#define FRACTION_BITS 16

/* A range is full where so much of it is accessed: it cannot be told how often. */
#define FULL_RANGE_PERMILLE 900

/* Shares are parts of this: fine enough for ranges of a thousandth of the traffic. */
#define WHOLE (1U << 24)

/* What flows is counted as the most within so much of it. */
#define SLACK_PERMILLE 5

/* So near to what local memory delivers nobody can say what more is asked for. */
#define FULL_PERMILLE 980

/* More than this of what all nodes deliver cannot flow: what was seen is no stream. */
#define BELIEVED_PERMILLE 1250

__extension__ typedef unsigned __int128 wide;

/* ---- What is seen ------------------------------------------------------------------ */

/* The first bit from one on that is set, or is not; end: none before that. */
static size_t next_bit(const uint64_t *bits, size_t from, size_t end, bool set)
{
	while (from < end) {
		const uint64_t word = (set ? bits[from / BITS_WORD] : ~bits[from / BITS_WORD]) >>
				      (from % BITS_WORD);

		if (word)
			return least(end, from + (size_t)__builtin_ctzll(word));
		from = (from / BITS_WORD + 1) * BITS_WORD;
	}
	return end;
}

/* How many from first to end are set. */
static uint64_t count(const uint64_t *bits, size_t first, size_t end)
{
	uint64_t nr = 0;

	for (size_t at = next_bit(bits, first, end, true); at < end;) {
		const size_t after = next_bit(bits, at, end, false);

		nr += after - at;
		at = next_bit(bits, after, end, true);
	}
	return nr;
}

/*
 * Whether it is huge pages that were accessed: then hardly any block of their size was in part.
 * A stream of base pages ends within one.
 */
static bool shows_huge_pages(const uint64_t *bits, uint64_t first_page, size_t nr_pages)
{
	size_t nr_whole = 0, nr_parts = 0;

	for (size_t at = (size_t)(-first_page % HUGE_PAGES); at + HUGE_PAGES <= nr_pages;
	     at += HUGE_PAGES) {
		const uint64_t nr = count(bits, at, at + HUGE_PAGES);

		nr_whole += nr == HUGE_PAGES;
		nr_parts += nr && nr < HUGE_PAGES;
	}
	return nr_whole && nr_whole >= MOST_WHOLE * nr_parts;
}

/*
 * Units in a row that are no chance: of nr units, so many accessed at random, fewer than one
 * in a hundred ranges would show such a run.  UINT64_MAX: no run says anything.
 */
static uint64_t least_run(uint64_t accessed, uint64_t nr)
{
	uint64_t run = 0;

	for (uint64_t expected = nr * 100 << FRACTION_BITS; expected >= 1ULL << FRACTION_BITS;
	     run++) {
		if (run == LONGEST_RUN)
			return UINT64_MAX;
		expected = (uint64_t)((wide)expected * accessed / nr);
	}
	return run > LEAST_RUN ? run : LEAST_RUN;
}

uint64_t traffic_piece_pages(uint64_t nr_pages)
{
	uint64_t piece_pages = HUGE_PAGES;

	while (piece_pages * TRAFFIC_MAX_PIECES < nr_pages)
		piece_pages *= 2;
	return piece_pages;
}

/* What is looked at, in pieces. */
struct looking {
	size_t piece_pages;
	uint64_t least_pages; /* of a stream */
	size_t unit;	      /* in pages: what is accessed as a whole */
	struct traffic_seen *seen;
};

/* Pages in a row that were accessed, each piece's to the piece. */
static void add_run(const struct looking *looking, size_t first, size_t end)
{
	const bool streams = end - first >= looking->least_pages;

	for (size_t next; first < end; first = next) {
		struct traffic_seen *seen = &looking->seen[first / looking->piece_pages];

		next = (first / looking->piece_pages + 1) * looking->piece_pages;
		if (next > end)
			next = end;
		if (streams)
			seen->streamed_bytes += (next - first) * PAGE_BYTES;
		else
			seen->strewn_bytes += (next - first + looking->unit - 1) / looking->unit *
					      BANDWIDTH_LINE_BYTES;
	}
}

void traffic_look(const uint64_t *bits, uint64_t first_page, size_t nr_pages, size_t piece_pages,
		  struct traffic_seen *ret_seen)
{
	struct looking looking = { .piece_pages = piece_pages, .unit = 1, .seen = ret_seen };
	uint64_t accessed = 0;

	for (size_t piece = 0, at = 0; at < nr_pages; piece++, at += piece_pages) {
		const size_t end = least(nr_pages, at + piece_pages);
		const uint64_t nr = count(bits, at, end);

		ret_seen[piece] = (struct traffic_seen) {
			.full = nr * PERMILLE >= (end - at) * FULL_RANGE_PERMILLE,
		};
		accessed += nr;
	}
	if (!accessed)
		return;
	if (shows_huge_pages(bits, first_page, nr_pages))
		looking.unit = HUGE_PAGES;
	looking.least_pages = least_run((accessed + looking.unit - 1) / looking.unit,
					(nr_pages + looking.unit - 1) / looking.unit);
	if (looking.least_pages < UINT64_MAX)
		looking.least_pages *= looking.unit;
	for (size_t at = next_bit(bits, 0, nr_pages, true); at < nr_pages;) {
		const size_t end = next_bit(bits, at, nr_pages, false);

		add_run(&looking, at, end);
		at = next_bit(bits, end, nr_pages, true);
	}
}

void traffic_add(struct traffic_looks *looks, unsigned moment, const struct traffic_seen *seen,
		 uint64_t ns)
{
	struct traffic_seen *sum = &looks->seen[moment];

	sum->streamed_bytes += seen->streamed_bytes;
	sum->strewn_bytes += seen->strewn_bytes;
	sum->full += seen->full;
	looks->ns[moment] += ns;
	looks->nr += moment == 0;
}

static uint64_t per_second(uint64_t bytes, uint64_t ns)
{
	return ns ? (uint64_t)((wide)bytes * NS_PER_S / ns) : 0;
}

struct traffic_range traffic_of(const struct traffic_looks *looks, uint64_t pages)
{
	struct traffic_range range = {
		.pages = pages,
		.untold = looks->nr && 2 * looks->seen[0].full > looks->nr,
	};

	/* No moment shows too much; most show too little. */
	for (unsigned i = 0; i < TRAFFIC_MOMENTS; i++) {
		const struct traffic_seen *seen = &looks->seen[i];
		const uint64_t streamed = per_second(seen->streamed_bytes, looks->ns[i]);
		const uint64_t strewn = per_second(seen->strewn_bytes, looks->ns[i]);

		if (streamed > range.streamed_bytes)
			range.streamed_bytes = streamed;
		if (strewn > range.strewn_bytes)
			range.strewn_bytes = strewn;
	}
	return range;
}

/* ---- Where it is local --------------------------------------------------------------- */

void traffic_local(const uint64_t *threads, const uint64_t *here, size_t nr_nodes,
		   uint64_t *ret_local)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr_nodes; i++) {
		ret_local[i] = threads[i] ? here[i] : 0;
		sum += ret_local[i];
	}
	for (size_t i = 0; !sum && i < nr_nodes; i++)
		ret_local[i] = threads[i];
}

/* ---- What would flow --------------------------------------------------------------- */

/* What to decide about, and how far it is decided. */
struct deciding {
	const struct traffic_case *traffic;
	struct bandwidth_profile profile; /* the case's, with what is in flight */
	uint64_t seen_bytes;		  /* of all ranges together */
	uint64_t local_sum, weights_sum;
	uint32_t *shares; /* [nodes] room for them */
	size_t *order;	  /* [ranges] those with the most traffic per page first */
};

static void deciding_free(struct deciding *deciding)
{
	free(deciding->shares);
	free(deciding->order);
}

/* What flows when so much of WHOLE goes to what is interleaved, and the rest is local. */
static struct bandwidth_flow flow_with(const struct deciding *deciding, uint32_t interleaved)
{
	const struct traffic_case *traffic = deciding->traffic;

	for (size_t i = 0; i < deciding->profile.nr_nodes; i++)
		deciding->shares[i] = (uint32_t)((wide)(WHOLE - interleaved) * traffic->local[i] /
						 deciding->local_sum) +
				      (uint32_t)((uint64_t)interleaved * traffic->weights[i] /
						 deciding->weights_sum);
	return bandwidth_split(&deciding->profile, deciding->shares);
}

/* The same of so many bytes of what was seen. */
static uint64_t flow_of(const struct deciding *deciding, uint64_t bytes)
{
	return flow_with(deciding, (uint32_t)((wide)bytes * WHOLE / deciding->seen_bytes)).bytes;
}

/*
 * What the program has in flight, by Little's law: 0, as much as memory delivers, where local
 * memory is full.  Only a latency that rises with the load tells a program that is held up by
 * memory from one that asks for no more.
 */
static void find_demand(struct deciding *deciding, struct traffic_choice *choice)
{
	struct bandwidth_profile *profile = &deciding->profile;
	wide latency_ps = 0;

	profile->in_flight_bytes = 0;
	choice->capacity_bytes = flow_with(deciding, 0).bytes;
	if (choice->bytes >= (wide)choice->capacity_bytes * FULL_PERMILLE / PERMILLE)
		return;
	for (size_t i = 0; i < profile->nr_nodes; i++) {
		const uint64_t local = deciding->traffic->local[i];
		const uint64_t capacity = bandwidth_capacity(&profile->nodes[i], &profile->mix);

		if (!local)
			continue;
		latency_ps +=
			(wide)local *
			bandwidth_latency_ps(&profile->nodes[i],
					     (uint32_t)((wide)choice->bytes * local * 1000000 /
							((wide)deciding->local_sum * capacity)));
	}
	latency_ps /= deciding->local_sum;
	/* Rounded up: a latency of nobody's knowledge must not look like no bound. */
	profile->in_flight_bytes =
		(uint64_t)((wide)choice->bytes * latency_ps / 1000000 / 1000000) + 1;
}

/* ---- Which ------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct deciding *deciding, size_t range)
{
	return traffic_bytes(&deciding->traffic->ranges[range]);
}

static int denser_first(const void *left, const void *right, void *context)
{
	const struct deciding *deciding = context;
	const size_t a = *(const size_t *)left, b = *(const size_t *)right;
	const wide of_a = (wide)bytes_of(deciding, a) * deciding->traffic->ranges[b].pages;
	const wide of_b = (wide)bytes_of(deciding, b) * deciding->traffic->ranges[a].pages;

	if (of_a != of_b)
		return of_a > of_b ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Whether every node has room for its part, with what it has taken already; takes it then. */
static bool fits(const struct deciding *deciding, const struct traffic_range *range,
		 uint64_t *taken_pages)
{
	const struct traffic_case *traffic = deciding->traffic;
	const uint64_t pages = *taken_pages + range->pages;

	for (size_t i = 0; traffic->room_pages && i < deciding->profile.nr_nodes; i++)
		if ((wide)pages * traffic->weights[i] >
		    (wide)traffic->room_pages[i] * deciding->weights_sum)
			return false;
	*taken_pages = pages;
	return true;
}

/* Those that fit, the densest first, until what flows is as good as the most. */
struct prefix {
	uint64_t bytes;	      /* of traffic as seen */
	uint64_t taken_pages; /* of memory */
	uint64_t flow_bytes;
};

/* Takes the ranges in order until enough flows. */
static void take_until(const struct deciding *deciding, uint64_t enough_bytes,
		       enum traffic_verdict *verdicts, struct prefix *prefix)
{
	const struct traffic_case *traffic = deciding->traffic;

	for (size_t i = 0; i < traffic->nr_ranges && prefix->flow_bytes < enough_bytes; i++) {
		const size_t range = deciding->order[i];

		if (!bytes_of(deciding, range))
			break;
		if (!fits(deciding, &traffic->ranges[range], &prefix->taken_pages))
			continue;
		verdicts[range] = TRAFFIC_DRIVES;
		prefix->bytes += bytes_of(deciding, range);
		prefix->flow_bytes = flow_of(deciding, prefix->bytes);
	}
}

/* The most that flows with any number of them, taken in their order. */
static uint64_t most_of(const struct deciding *deciding, uint64_t local_bytes)
{
	const struct traffic_case *traffic = deciding->traffic;
	uint64_t most_bytes = local_bytes, taken_pages = 0, bytes = 0;

	for (size_t i = 0; i < traffic->nr_ranges; i++) {
		const size_t range = deciding->order[i];
		uint64_t flow_bytes;

		if (!fits(deciding, &traffic->ranges[range], &taken_pages))
			continue;
		bytes += bytes_of(deciding, range);
		flow_bytes = flow_of(deciding, bytes);
		if (flow_bytes > most_bytes)
			most_bytes = flow_bytes;
	}
	return most_bytes;
}

static void give_all(const struct deciding *deciding, enum traffic_verdict verdict,
		     enum traffic_verdict *ret_verdicts)
{
	const struct traffic_case *traffic = deciding->traffic;

	for (size_t i = 0; i < traffic->nr_ranges; i++)
		ret_verdicts[i] = !bytes_of(deciding, i)			 ? TRAFFIC_IDLE
				  : traffic->ranges[i].untold && !traffic->bytes ? TRAFFIC_UNTOLD
										 : verdict;
}

/* Room may be all that kept others from being interleaved as well, where that would be faster. */
static void blame_room(const struct deciding *deciding, const struct traffic_choice *choice,
		       const struct prefix *prefix, enum traffic_verdict *verdicts)
{
	if (choice->chosen_bytes >=
	    (wide)choice->all_bytes * (PERMILLE - SLACK_PERMILLE) / PERMILLE)
		return;
	for (size_t i = 0; i < deciding->traffic->nr_ranges; i++) {
		uint64_t taken_pages = prefix->taken_pages;

		if (bytes_of(deciding, i) && verdicts[i] != TRAFFIC_DRIVES &&
		    !fits(deciding, &deciding->traffic->ranges[i], &taken_pages))
			verdicts[i] = TRAFFIC_NO_ROOM;
	}
}

static void choose(const struct deciding *deciding, struct traffic_choice *choice,
		   enum traffic_verdict *ret_verdicts)
{
	const uint64_t most_bytes = most_of(deciding, choice->local_bytes);
	const wide least_bytes =
		(wide)choice->local_bytes * (PERMILLE + TRAFFIC_LEAST_GAIN_PERMILLE) / PERMILLE;
	struct prefix prefix = { .flow_bytes = choice->local_bytes };

	if (most_bytes < least_bytes) {
		give_all(deciding,
			 deciding->profile.in_flight_bytes ? TRAFFIC_LATENCY : TRAFFIC_NO_GAIN,
			 ret_verdicts);
	} else {
		give_all(deciding, TRAFFIC_LITTLE, ret_verdicts);
		take_until(deciding,
			   (uint64_t)((wide)most_bytes * (PERMILLE - SLACK_PERMILLE) / PERMILLE),
			   ret_verdicts, &prefix);
	}
	choice->chosen_bytes = prefix.flow_bytes;
	blame_room(deciding, choice, &prefix, ret_verdicts);
	for (size_t i = 0; i < deciding->traffic->nr_ranges; i++)
		choice->nr_driving += ret_verdicts[i] == TRAFFIC_DRIVES;
}

/* ---- The whole --------------------------------------------------------------------- */

static int check(struct deciding *deciding)
{
	const struct traffic_case *traffic = deciding->traffic;
	const struct bandwidth_profile *profile = &deciding->profile;

	for (size_t i = 0; i < profile->nr_nodes; i++) {
		deciding->local_sum += traffic->local[i];
		deciding->weights_sum += traffic->weights[i];
		if (!traffic->local[i] && !traffic->weights[i])
			continue;
		if (!bandwidth_capacity(&profile->nodes[i], &profile->mix) ||
		    !profile->nodes[i].latency_ns)
			return -ENODATA;
	}
	for (size_t i = 0; i < traffic->nr_ranges; i++)
		deciding->seen_bytes += bytes_of(deciding, i);
	return deciding->local_sum && deciding->weights_sum ? 0 : -EINVAL;
}

/* Whether so much can flow at all. */
static bool believed(const struct deciding *deciding)
{
	const struct bandwidth_profile *profile = &deciding->profile;
	wide all_bytes = 0;

	for (size_t i = 0; i < profile->nr_nodes; i++)
		all_bytes += bandwidth_capacity(&profile->nodes[i], &profile->mix);
	return deciding->traffic->bytes ||
	       deciding->seen_bytes <= all_bytes * BELIEVED_PERMILLE / PERMILLE;
}

static int sort(struct deciding *deciding)
{
	const size_t nr = deciding->traffic->nr_ranges;

	deciding->shares = calloc(deciding->profile.nr_nodes, sizeof(*deciding->shares));
	deciding->order = calloc(nr + 1, sizeof(*deciding->order));
	if (!deciding->shares || !deciding->order)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		deciding->order[i] = i;
	qsort_r(deciding->order, nr, sizeof(*deciding->order), denser_first, deciding);
	return 0;
}

int traffic_choose(const struct traffic_case *traffic, enum traffic_verdict *ret_verdicts,
		   struct traffic_choice *ret_choice)
{
	_cleanup_(deciding_free) struct deciding deciding = {
		.traffic = traffic,
		.profile = *traffic->profile,
	};
	struct traffic_choice choice = { 0 };
	int r = check(&deciding);

	if (r == 0)
		r = sort(&deciding);
	if (r < 0)
		return r;
	choice.bytes = traffic->bytes ? traffic->bytes : deciding.seen_bytes;
	find_demand(&deciding, &choice);
	choice.local_bytes = choice.chosen_bytes = flow_with(&deciding, 0).bytes;
	choice.all_bytes = flow_with(&deciding, WHOLE).bytes;
	if (!deciding.seen_bytes || !believed(&deciding))
		give_all(&deciding, TRAFFIC_UNTOLD, ret_verdicts);
	else
		choose(&deciding, &choice, ret_verdicts);
	*ret_choice = choice;
	return 0;
}

const char *traffic_verdict_text(enum traffic_verdict verdict)
{
	static const char *const texts[TRAFFIC_NR_VERDICTS] = {
		[TRAFFIC_DRIVES] = "drives bandwidth",
		[TRAFFIC_IDLE] = "not accessed",
		[TRAFFIC_LITTLE] = "has little of the traffic",
		[TRAFFIC_LATENCY] = "local memory delivers what is asked for, and answers sooner",
		[TRAFFIC_NO_GAIN] = "interleaving would hardly be faster",
		[TRAFFIC_NO_ROOM] = "a node has no room for its part",
		[TRAFFIC_UNTOLD] = "accessed all over within moments: its traffic cannot be told",
	};

	return texts[verdict];
}
