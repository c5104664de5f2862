/* SPDX-License-Identifier: MIT */
/* Any text: either refused with an error that names a place, or settings that mpold can run with.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct settings *settings)
{
	const struct manager_config *manager = &settings->manager;

	if (manager->tiering.budget_ppm < 100 || manager->tiering.budget_ppm > 1000000 ||
	    manager->tiering.bytes_per_s == 0 || manager->call_ns < 1000000 ||
	    manager->call_ns > 1000000000 || settings->nr_targets > SETTINGS_MOST_TARGETS)
		abort();
	for (size_t i = 0; i < settings->nr_targets; i++) {
		const struct settings_target *target = &settings->targets[i];

		if (!*target->text || (target->kind == SETTINGS_PID && target->request.pid <= 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(settings_end) struct settings settings;
	struct mpol_error err = { 0 };

	settings_begin(&settings);
	if (config_read_text("fuzz", (const char *)data, size, &settings, &err) == 0)
		check(&settings);
	else if (err.code >= 0 || !*err.cause || !*err.object || !*err.advice)
		abort();
	return 0;
}
