/* SPDX-License-Identifier: MIT */
/*
 * Tiering: mpol's rounds of looking at memory, ranking it, and moving it, for all targets
 * together.  Pure: when to do what, and what to move; a world does it (ports.h).
 *
 * A round is a clear of all accessed bits, scans at growing distances from it, and a
 * decision.  Rounds follow each other as a budget of CPU time lets them; between them a sample of
 * memory is peeked at, so that no shift has to wait for the next one.  What a decision moves is
 * moved while the next round looks, between its scans: neither has to wait for the other.  A world
 * asks tiering_next what is to be done at what time, does it, and says so.
 */
#ifndef POLICY_TIERING_H
#define POLICY_TIERING_H

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"
#include "room-demand.h"
#include "rule.h"
#include "scores.h"
#include "shift.h"

/* Tiers that something can be promoted to. */
#define TIERING_MAX_RULED (PORT_MAX_TIERS - 1)

/* As many as Linux may have. */
#define TIERING_MAX_NODES 1024

#define TIERING_CHUNK_UNITS 4096
#define TIERING_CHUNK_MOVES 512

/* How long a world may be at moves before it asks again what is to be done, about. */
#define TIERING_TURN_NS 5000000ULL

struct tiering_config {
	uint64_t budget_ppm;	  /* of one CPU, for looking, ours and the targets'; not 0 */
	uint64_t least_period_ns; /* from one round to the next */
	uint64_t peek_ns;	  /* from one peek between rounds to the next; 0: there are none */
	uint64_t bytes_per_s;	  /* to be moved at most */
	const struct rule *rule;  /* who is hot enough; NULL: ranking */
};

/* Neighbouring units of one target and size, gathered from a world: a span, and their states. */
struct tiering_chunk {
	struct port_span span;
	uint8_t seen[TIERING_CHUNK_UNITS];
	int16_t nodes[TIERING_CHUNK_UNITS];
	struct ranking_unit units[TIERING_CHUNK_UNITS];
};

/* Where a walk over all targets' memory has come to: a page of a target (port_span). */
struct tiering_position {
	uint32_t target;
	uint64_t page;
};

/* What a decision asks of a world; user is handed back. */
struct tiering_world {
	void *user;
	/* Fills the chunk, arrays included, with what is next at or behind the position, by
	 * target and then by page.  False: there is nothing left. */
	bool (*gather)(void *user, struct tiering_position from, struct tiering_chunk *chunk);
	/* Keeps the chunk's states of units. */
	void (*keep)(void *user, const struct tiering_chunk *chunk);
	/* Moves at once, or before anything else is done than moves. */
	void (*carry_out)(void *user, const struct port_move *moves, size_t nr);
};

/* What a scan was the first to see since the clear. */
struct tiering_seen {
	uint64_t units;
	uint64_t fast_units;	       /* of these, on nodes of the fastest tier */
	uint64_t pages;		       /* that they have */
	uint64_t all_units, all_pages; /* that there are, seen or not; 0: that is not known */
	uint64_t lost_ns; /* CPU time that targets have lost, as the clear made these accesses
			   * dearer */
};

/* Adds what was seen elsewhere, or by another scan. */
void tiering_seen_add(struct tiering_seen *sum, const struct tiering_seen *seen);

enum tiering_step {
	TIERING_NOTHING, /* for ever: there is one tier only */
	TIERING_CLEAR,	 /* all accessed bits, and what was seen; then tiering_cleared */
	TIERING_SCAN,	 /* what is accessed and not seen yet gets tiering_score; then
			    tiering_scanned */
	TIERING_DECIDE,	 /* tiering_decide */
	TIERING_PEEK,	 /* at the sample that tiering_sample says; then tiering_peeked */
	TIERING_MOVE,	 /* tiering_move, so often as it says and TIERING_TURN_NS allows */
};

struct tiering {
	struct tiering_config config;
	const struct rule *rule;
	bool rule_is_new; /* units remember what another rule has told them */
	union rule_tier tiers[TIERING_MAX_RULED]; /* the fastest first */
	int nr_ruled;
	struct shift shift;
	uint64_t shifted_ns; /* when the last shift was, or the first decision */
	int heat_shift;
	struct port_round round;
	struct port_node nodes[TIERING_MAX_NODES]; /* with what is to be left free for demand,
						    * and with the moves of this round */
	unsigned nr_nodes;
	struct room_demand demands[TIERING_MAX_NODES]; /* of the node in the same place */
	uint32_t rounds;			       /* so far */
	uint64_t rested_ns;			       /* when units rested a step more */
	enum tiering_step step;
	uint64_t when_ns;	  /* the step is due */
	uint64_t next_ns;	  /* the next round is due, as of the last decision */
	unsigned peeks;		  /* since the round's decision */
	uint64_t peeked_ns;	  /* the last peek in this round, or its last scan */
	uint64_t peeked_units;	  /* that it has seen, and no scan */
	uint64_t began_ns;	  /* the round's clear */
	uint64_t period_ns;	  /* of the last round, had its scans not taken longer */
	uint64_t spent_ns;	  /* that a round costs, about, us and targets */
	unsigned paced_rounds;	  /* since the start or the last shift, as far as they count */
	uint64_t lost_ns;	  /* that the last one has cost targets, about */
	uint64_t losing_ns;	  /* what they have lost since, in rounds given up, too */
	unsigned scans;		  /* made in this round */
	struct tiering_seen seen; /* by all of these; what there is, as of the first */
	struct scores_seen scores_seen; /* by each of these */
	uint64_t last_scan_lost_ns;
	bool all_pressed,
		some_pressed; /* since the last decision, targets have too little memory */
	/* What the last decision moves: passes over all units, one for each tier and reason. */
	bool is_moving;
	int pass;
	struct tiering_position position; /* of the pass */
	uint64_t handed_pages;		  /* to the world, of these moves */
	struct tiering_chunk chunk;
};

/* nr_tiers: of the machine, from the fastest on.  Of a machine with one there is nothing to do. */
void tiering_start(struct tiering *tiering, const struct tiering_config *config, int nr_tiers);

/* The machine has other nodes from now on, of so many tiers: all that was learnt is forgotten, and
 * a round may begin at once.  The configuration and the rule stay. */
void tiering_restart(struct tiering *tiering, int nr_tiers);

/* Decides by another rule from now on, and forgets what is known of units; NULL: ranking. */
void tiering_set_rule(struct tiering *tiering, const struct rule *rule);

/*
 * Gives the round up that is under way, if one is, and moves that have not been made; the next one
 * begins now.  For what has interrupted it.
 */
void tiering_abandon(struct tiering *tiering, uint64_t now_ns);

/* What is to be done next, and from when on. */
enum tiering_step tiering_next(const struct tiering *tiering, uint64_t now_ns,
			       uint64_t *ret_when_ns);

void tiering_cleared(struct tiering *tiering, uint64_t now_ns);

/* What the scan that is due gives to what it sees first (port_span, seen). */
uint8_t tiering_score(const struct tiering *tiering);

/* Where it looks as if programs had begun to use other memory, another round begins at once.  Where
 * nearly all has been seen the round needs no more scans. */
void tiering_scanned(struct tiering *tiering, const struct tiering_seen *seen);

/* Which memory a peek looks at, always the same between two rounds: of every so many groups of
 * TIERING_GROUP_PAGES the one with that number. */
#define TIERING_GROUP_PAGES 2048
struct tiering_sample {
	uint64_t groups, number;
	uint8_t last_score; /* what the round's last scan has given */
};
struct tiering_sample tiering_sample(const struct tiering *tiering);

/* Units of the sample that have been accessed since the clear. */
struct tiering_peek {
	uint64_t last_units;   /* that were seen first by the last scan */
	uint64_t unseen_units; /* that no scan has seen */
};

/* A peek has been made.  Where what it has seen looks as if programs had begun to use other memory,
 * the next round begins at once. */
void tiering_peeked(struct tiering *tiering, uint64_t now_ns, const struct tiering_peek *peek);

/* Of a round that ends. */
struct tiering_time {
	uint64_t now_ns;
	uint64_t spent_ns;     /* our CPU time since the last one, but for moves: paces rounds, as
				* does what targets lose */
	uint64_t move_page_ns; /* what moving a base page costs */
	bool pressed;	       /* the machine has too little memory: nothing is promoted */
};

/*
 * Ends the round: every unit learns what was seen of it, all are ranked, and who changes places is
 * decided.
 */
void tiering_decide(struct tiering *tiering, const struct tiering_time *time,
		    const struct port_nodes *nodes, const struct tiering_world *world);

/*
 * Hands some of the decision's moves to the world.  False: there are no more; then
 * tiering_settled.
 */
bool tiering_move(struct tiering *tiering, const struct tiering_world *world);

/* The machine has had too little memory since the decision: of its moves no promotion is made. */
void tiering_press(struct tiering *tiering);

/*
 * The moves of a round have been made; nodes as they are now.  What is taken of their free memory
 * until the next decision is the demand that is then left free for (room-demand.h).  Who never
 * says so has what nodes ask for themselves left free, and no more.
 */
void tiering_settled(struct tiering *tiering, uint64_t now_ns, const struct port_nodes *nodes);

#endif
