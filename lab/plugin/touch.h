/* SPDX-License-Identifier: MIT */
/* Memory accesses that the compiler can neither add to nor leave out: one instruction each. */
#ifndef LAB_PLUGIN_TOUCH_H
#define LAB_PLUGIN_TOUCH_H

#include <stdint.h>

/* One load of 8 bytes. */
static inline void touch_load(const void *address)
{
	uint64_t value;

	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
}

/* One store of 8 bytes. */
static inline void touch_store(void *address, uint64_t value)
{
	__asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

/* One load and one store by one locked instruction. */
static inline void touch_locked(void *address)
{
	__asm__ volatile("lock incq (%0)" : : "r"(address) : "memory", "cc");
}

#endif
