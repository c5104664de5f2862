/* SPDX-License-Identifier: MIT */
/* What is striped: see ledger.h.  Ranges are ascending and do not overlap. */
#include "ledger.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define CAPACITY 4096
/* Held for microseconds, but by a thread that has lost its CPU. */
#define SPINS  1000
#define YIELDS 100000
/* Of a range that may take fewer runs many are to be expected. */
#define FEW_RUNS 16

static struct {
	int locked;
	pthread_t owner; /* while it is locked; 0: not known yet */
	const struct shares *shares;
	uint64_t budget_runs;
	uint64_t runs;
	struct tally tally;
	size_t nr;
	struct striped ranges[CAPACITY];
} ledger;

static bool try_lock(void)
{
	if (__atomic_exchange_n(&ledger.locked, 1, __ATOMIC_ACQUIRE))
		return false;
	__atomic_store_n(&ledger.owner, pthread_self(), __ATOMIC_RELAXED);
	return true;
}

/* Who has interrupted the thread that has it would wait in vain. */
static bool lock(void)
{
	for (int yields = 0; yields < YIELDS; yields++) {
		for (int spins = 0; spins < SPINS; spins++)
			if (!__atomic_load_n(&ledger.locked, __ATOMIC_RELAXED) && try_lock())
				return true;
		if (__atomic_load_n(&ledger.owner, __ATOMIC_RELAXED) == pthread_self())
			return false;
		sched_yield();
	}
	return false;
}

static void unlock(void)
{
	__atomic_store_n(&ledger.owner, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ledger.locked, 0, __ATOMIC_RELEASE);
}

void ledger_after_fork(void)
{
	unlock();
}

void ledger_open(const struct shares *shares, uint64_t budget_runs)
{
	ledger.shares = shares;
	ledger.budget_runs = budget_runs;
	ledger.runs = 0;
	ledger.nr = 0;
	memset(&ledger.tally, 0, sizeof(ledger.tally));
}

/* ---- Under the lock ------------------------------------------------------------------ */

static void count(const struct striped *range, int sign)
{
	tally_add(&ledger.tally, ledger.shares, range, sign);
	ledger.runs += (uint64_t)sign * striped_runs(range, ledger.shares);
}

/* The first that ends behind page. */
static size_t find(uint64_t page)
{
	size_t low = 0, high = ledger.nr;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (ledger.ranges[middle].end > page)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* How many of so many ranges from at on are, where they meet the one before, on its node: the two
 * runs are one range of the kernel's. */
static uint64_t joints(size_t at, size_t nr)
{
	uint64_t sum = 0;

	for (size_t i = at ? at : 1; i < at + nr && i < ledger.nr; i++) {
		const struct striped *lower = &ledger.ranges[i - 1], *upper = &ledger.ranges[i];

		sum += lower->end == upper->page &&
		       striped_place(lower, ledger.shares, lower->end - 1) ==
			       striped_place(upper, ledger.shares, upper->page);
	}
	return sum;
}

/* Replaces nr ranges from at on by others. */
static void splice(size_t at, size_t nr, const struct striped *others, size_t nr_others)
{
	ledger.runs += joints(at, nr + 1);
	memmove(&ledger.ranges[at + nr_others], &ledger.ranges[at + nr],
		(ledger.nr - at - nr) * sizeof(ledger.ranges[0]));
	memcpy(&ledger.ranges[at], others, nr_others * sizeof(others[0]));
	/* It is looked at without the lock, too. */
	__atomic_store_n(&ledger.nr, ledger.nr + nr_others - nr, __ATOMIC_RELAXED);
	ledger.runs -= joints(at, nr_others + 1);
}

/* Where there is no room to cut one into two, its upper part is forgotten, too. */
static void leave(uint64_t page, uint64_t end)
{
	const size_t at = find(page);
	struct striped kept[2];
	size_t nr = 0, nr_kept = 0;

	while (at + nr < ledger.nr && ledger.ranges[at + nr].page < end) {
		const struct striped *range = &ledger.ranges[at + nr++];

		count(range, -1);
		if (range->page < page) {
			kept[nr_kept] = *range;
			kept[nr_kept++].end = page;
		}
		if (range->end > end && ledger.nr - nr + nr_kept < CAPACITY) {
			kept[nr_kept] = *range;
			kept[nr_kept++].page = end;
		}
	}
	for (size_t i = 0; i < nr_kept; i++)
		count(&kept[i], 1);
	if (nr)
		splice(at, nr, kept, nr_kept);
}

static bool continues(const struct striped *lower, const struct striped *upper)
{
	return lower->end == upper->page && lower->shift == upper->shift;
}

/* Nothing overlaps it.  Neighbours with the same shift become one. */
static bool enter(const struct striped *range)
{
	struct striped whole = *range;
	size_t at = find(range->page), nr = 0;

	if (at < ledger.nr && continues(range, &ledger.ranges[at])) {
		whole.end = ledger.ranges[at].end;
		nr++;
	}
	if (at > 0 && continues(&ledger.ranges[at - 1], range)) {
		whole.page = ledger.ranges[--at].page;
		nr++;
	}
	if (!nr && ledger.nr == CAPACITY)
		return false;
	for (size_t i = 0; i < nr; i++)
		count(&ledger.ranges[at + i], -1);
	count(&whole, 1);
	splice(at, nr, &whole, 1);
	return true;
}

/*
 * Of the budget that is left, a range gets its share of all pages: one that doubles what is
 * there leaves half of it for others, one of many as large takes as much as each of them.
 */
static uint64_t allowed_runs(const struct striped *range)
{
	const uint64_t nr_pages = range->end - range->page;
	const uint64_t left =
		ledger.budget_runs > ledger.runs ? ledger.budget_runs - ledger.runs : 0;
	const uint64_t share = left * nr_pages / ((uint64_t)ledger.tally.all + nr_pages);

	if (share > CHOICE_RUNS_MAX)
		return CHOICE_RUNS_MAX;
	return share || !left ? share : 1;
}

/* Runs are dear, and a neighbour's stripes can be gone on with: that makes hardly any. */
static bool continue_neighbour(unsigned int least_shift, uint64_t allowed, struct striped *range)
{
	const size_t at = find(range->page);
	struct striped tried = *range;

	for (size_t i = at ? at - 1 : 0; i <= at && i < ledger.nr; i++) {
		const struct striped *neighbour = &ledger.ranges[i];

		if (neighbour->end != range->page && neighbour->page != range->end)
			continue;
		tried.shift = neighbour->shift;
		if (tried.shift < least_shift || striped_runs(&tried, ledger.shares) > allowed ||
		    !shift_will_do(ledger.shares, &ledger.tally, &tried))
			continue;
		range->shift = tried.shift;
		return true;
	}
	return false;
}

static bool choose(unsigned int least_shift, struct striped *range)
{
	const uint64_t allowed = allowed_runs(range);

	return (allowed && allowed < FEW_RUNS && continue_neighbour(least_shift, allowed, range)) ||
	       choose_shift(ledger.shares, &ledger.tally, least_shift, allowed, range);
}

/* ---- For all ------------------------------------------------------------------------- */

bool ledger_enter(unsigned int least_shift, struct striped *range)
{
	bool entered;

	if (range->page >= range->end || !lock())
		return false;
	leave(range->page, range->end);
	entered = choose(least_shift, range) && enter(range);
	unlock();
	return entered;
}

bool ledger_enter_from(struct striped *range)
{
	uint64_t allowed;
	bool entered;

	if (range->page >= range->end || !lock())
		return false;
	leave(range->page, range->end);
	allowed = allowed_runs(range);
	/* One run is the least. */
	while (allowed && striped_runs(range, ledger.shares) > allowed)
		range->shift++;
	entered = allowed && enter(range);
	unlock();
	return entered;
}

void ledger_leave(uint64_t page, uint64_t end)
{
	if (!__atomic_load_n(&ledger.nr, __ATOMIC_RELAXED) || !lock())
		return;
	leave(page, end);
	unlock();
}

bool ledger_knows(uint64_t page, uint64_t end)
{
	size_t at;
	bool known;

	if (!__atomic_load_n(&ledger.nr, __ATOMIC_RELAXED) || !lock())
		return false;
	at = find(page);
	known = at < ledger.nr && ledger.ranges[at].page < end;
	unlock();
	return known;
}

uint64_t ledger_runs(void)
{
	return ledger.runs;
}

void ledger_tally(struct tally *ret)
{
	*ret = ledger.tally;
}
