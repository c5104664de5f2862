/* SPDX-License-Identifier: MIT */
/*
 * A subject: a program that checks itself while controllers are killed over it.
 *
 * It says what it notices on its standard output, a line each:
 *
 *   ready PID...   it is at work; these are the processes to control
 *   beat           each of its workers has finished a round since the last beat
 *   wrong TEXT     a result that is not what it must be
 *   eintr CALL     the call ended with EINTR and no handler of its own ran
 *   skip TEXT      it cannot run here: the text says what is missing
 *
 * It ends, and cleans up, when its standard input does.
 */
#ifndef TEST_KILL_SUBJECT_H
#define TEST_KILL_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SUBJECT_MAX_PIDS 32

struct subject {
	const char *name;
	long patience_s; /* with which beats are waited for: the caller's, before the start */
	pid_t pid;	 /* the child, leader of a process group of its own */
	int in;		 /* its standard input */
	int out;	 /* its standard output */
	pid_t pids[SUBJECT_MAX_PIDS];
	size_t nr_pids;
	bool skipped;
	bool ended; /* its output has: it has died or is about to */
	long beats;
	long wrong;
	long eintr;	       /* where no manual page allows it */
	long documented_eintr; /* where signal(7) allows it after any stop */
	char text[256];	       /* the last line that told something bad */
	char line[256];	       /* the line being read */
	size_t line_bytes;
};

/*
 * Starts argv as a subject and waits until it is ready.  0; 77: skipped, text
 * says what is missing; -1: it does not start, text says why.
 */
int subject_start(struct subject *subject, const char *name, char *const argv[]);

/* Takes what it has said so far. */
void subject_listen(struct subject *subject);

/* Waits until it has beaten count times more; false if it has ended or patience has. */
bool subject_beats(struct subject *subject, long count);

/*
 * Waits until no thread of its processes is traced, or stopped; false, with
 * text saying which is, if after ten seconds one still is.
 */
bool subject_is_free(struct subject *subject);

/* Ends it.  False if it had died before; text says how. */
bool subject_stop(struct subject *subject);

#endif
