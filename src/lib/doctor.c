/* SPDX-License-Identifier: MIT */
/* mpol_diagnosis: the symptoms that host/doctor finds, as an object. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "doctor.h"
#include "error.h"
#include "rootfs.h"

struct mpol_diagnosis {
	struct symptoms symptoms;
};

DEFINE_CLEANUP(struct mpol_diagnosis *, mpol_diagnosis_free);

int mpol_diagnosis_new(const char *root, pid_t pid, struct mpol_diagnosis **ret_diagnosis,
		       struct mpol_error *error)
{
	_cleanup_(mpol_diagnosis_freep) struct mpol_diagnosis *diagnosis =
		calloc(1, sizeof(*diagnosis));
	_cleanup_close_ int fd = rootfs_open(root);
	int r;

	if (!diagnosis)
		return error_errno(error, -ENOMEM, "diagnose");
	if (fd < 0) {
		error_errno(error, fd, "open root");
		error_on(error, "%s", root ? root : "/");
		return fd;
	}
	r = doctor_check_machine(fd, &diagnosis->symptoms, error);
	if (r >= 0 && pid)
		r = doctor_check_process(fd, root != NULL, pid, &diagnosis->symptoms, error);
	if (r == -ENOMEM)
		return error_errno(error, r, "diagnose");
	if (r < 0)
		return r;
	*ret_diagnosis = steal_pointer(&diagnosis);
	return 0;
}

void mpol_diagnosis_free(struct mpol_diagnosis *diagnosis)
{
	if (!diagnosis)
		return;
	symptoms_free(&diagnosis->symptoms);
	free(diagnosis);
}

size_t mpol_diagnosis_nr_symptoms(const struct mpol_diagnosis *diagnosis)
{
	return diagnosis->symptoms.nr;
}

const struct mpol_symptom *mpol_diagnosis_symptom(const struct mpol_diagnosis *diagnosis,
						  size_t index)
{
	return index < diagnosis->symptoms.nr ? &diagnosis->symptoms.items[index] : NULL;
}
