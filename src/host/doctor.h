/* SPDX-License-Identifier: MIT */
/*
 * What stands in the way of memory policy: on the machine (doctor.c) and with
 * one process (doctor-process.c).  Looks only; below a root descriptor
 * (rootfs.h), so that recorded trees can be asked too.
 */
#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include <mpol/mpol.h>

/* A growing list of symptoms.  Zero-initialise; free with symptoms_free. */
struct symptoms {
	struct mpol_symptom *items; /* texts owned */
	size_t nr, allocated;
	int error; /* sticky: 0 or -ENOMEM */
};

/* Adds one; text and advice are formatted, the latter after a '\n' in format. */
void symptom_add(struct symptoms *symptoms, enum mpol_severity severity, const char *check,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
void symptoms_free(struct symptoms *symptoms);

/*
 * Checks the machine, and the rights of the calling process.  Returns 0, or
 * the error of reading the topology.
 */
int doctor_check_machine(int root, struct symptoms *symptoms, struct mpol_error *err);

/* Checks process pid.  Of a recorded machine nothing can be tried.  Errors: -ESRCH, -EACCES,
 * -EBADMSG, -ENOMEM. */
int doctor_check_process(int root, bool is_recorded, pid_t pid, struct symptoms *symptoms,
			 struct mpol_error *err);

#endif
