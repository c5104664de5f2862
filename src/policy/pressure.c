/* SPDX-License-Identifier: MIT */
/* Memory pressure: see pressure.h. */
#include "pressure.h"

bool pressure_is_high(bool was_high, uint32_t full_permyriad)
{
	return full_permyriad >=
	       (was_high ? PRESSURE_HIGH_NO_LONGER_PERMYRIAD : PRESSURE_HIGH_PERMYRIAD);
}
