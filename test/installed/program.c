/* SPDX-License-Identifier: MIT */
/*
 * A user's program, built by tools/check-install as C and as C++ on nothing but
 * the installed header and library: it must compile without warnings, link and run.
 */
#include <mpol/mpol.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	struct mpol_args args;
	struct mpol_error error;

	memset(&args, 0, sizeof(args));
	memset(&error, 0, sizeof(error));
	args.error = &error;
	args.mode = MPOL_MODE_DEFAULT;

	int code = mpol_set_mempolicy(&args, sizeof(args));
	if (code < 0) {
		fprintf(stderr, "%s: %s: %s\n", error.step, error.object, error.cause);
		return 1;
	}
	/* A mode that no kernel knows: the library must say so in both ways. */
	args.mode = 4095;
	if (mpol_set_mempolicy(&args, sizeof(args)) >= 0 || !error.code) {
		fprintf(stderr, "mode 4095 was taken\n");
		return 1;
	}
	printf("%s\n", mpol_version());
	return 0;
}
