/* SPDX-License-Identifier: MIT */
/* Memory pressure of the machine and of managed processes' cgroups: asked for before each
 * decision, and while it is carried out.  What it means for one is policy's (policy/pressure.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "manager-internal.h"
#include "pressure.h"
#include "psi.h"

static void judge(bool *pressed, uint32_t full_permyriad, const char *whose)
{
	const bool high = pressure_is_high(*pressed, full_permyriad);

	if (high && !*pressed)
		log_info("%s: memory pressure of %u.%02u %%: nothing is promoted below %d %%",
			 whose, full_permyriad / 100, full_permyriad % 100,
			 PRESSURE_HIGH_NO_LONGER_PERMYRIAD / 100);
	else if (!high && *pressed)
		log_info("%s: no memory pressure any more", whose);
	*pressed = high;
}

static void judge_process(struct manager *manager, struct roster_process *process)
{
	const pid_t pid = tiered_pid(process->tiered);
	char whose[64];
	uint32_t full = 0;

	/* A cgroup without that file, or whose process has ended, states none. */
	if (psi_read_process(manager->root, pid, &full) < 0)
		full = 0;
	snprintf(whose, sizeof(whose), "process %d's cgroup", pid);
	judge(&process->pressed, full, whose);
}

void manager_ask_pressure(struct manager *manager)
{
	uint32_t full = 0;
	int r;

	manager->pressure_ns = clock_now_ns();
	if (manager->has_no_psi)
		return;
	r = psi_read_system(manager->root, &full);
	if (r < 0) {
		manager->has_no_psi = true;
		log_info("memory pressure is not known, and stops nothing: %s%s", strerror(-r),
			 r == -EOPNOTSUPP ? " (boot with psi=1)" : "");
		return;
	}
	judge(&manager->pressed, full, "the machine");
	for (size_t i = 0; i < manager->roster.nr_processes; i++)
		judge_process(manager, &manager->roster.processes[i]);
}
