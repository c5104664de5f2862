/* SPDX-License-Identifier: MIT */
/* What it costs a program that the accessed bits of its pages are cleared. */
#ifndef HOST_ACCESSED_BIT_H
#define HOST_ACCESSED_BIT_H

#include <stdint.h>

/* Where it cannot be measured: half a microsecond, as in one KVM guest; in another, of an EPYC, it
 * is 27 ns, and emulated CPUs set the bit for nothing. */
#define ACCESSED_BIT_NS 535

/*
 * How many ns longer the first access to a page takes after its bit has been cleared, and the TLB
 * flushed, than the next one does.  Measured on memory of this process, all of whose bits it clears
 * (proc(5), clear_refs); takes about a millisecond.  root: descriptor of "/".  Where it cannot be
 * measured: ACCESSED_BIT_NS.
 */
uint32_t accessed_bit_cost_ns(int root);

#endif
