/* SPDX-License-Identifier: MIT */
/*
 * The part of QEMU's TCG plugin ABI, version 1, that the ground-truth plugin
 * uses.  Debian 12 ships QEMU 7.2 without qemu-plugin.h, so these are our own
 * declarations of what the program exports (docs/devel/tcg-plugins.rst of
 * QEMU, and "nm -D qemu-system-x86_64").
 *
 * A plugin exports qemu_plugin_version, which QEMU compares with its own range
 * of versions, and qemu_plugin_install.  Instruction and block handles are
 * valid only inside the translation callback; a host address handle only
 * inside the memory callback that asked for it.
 */
#ifndef LAB_QEMU_PLUGIN_ABI_H
#define LAB_QEMU_PLUGIN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_ABI 1

typedef uint64_t qemu_plugin_id;
typedef uint32_t qemu_plugin_access; /* one memory access: size, mode of the MMU, load or store */

struct qemu_plugin_block; /* a translation block, "tb" to QEMU */
struct qemu_plugin_insn;

/* What QEMU tells about itself at start. */
struct qemu_plugin_info {
	const char *target_name; /* "x86_64" */
	struct {
		int min;
		int current;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus;
		int max_vcpus;
	} system;
};

/* Whether a callback may look at registers: version 1 has no call to do so. */
enum qemu_plugin_cb_flags {
	QEMU_PLUGIN_NO_REGISTERS,
};

enum qemu_plugin_rw {
	QEMU_PLUGIN_LOADS = 1,
	QEMU_PLUGIN_STORES = 2,
	QEMU_PLUGIN_LOADS_AND_STORES = 3,
};

typedef void (*qemu_plugin_translate_fn)(qemu_plugin_id id, struct qemu_plugin_block *block);
typedef void (*qemu_plugin_access_fn)(unsigned int vcpu, qemu_plugin_access access,
				      uint64_t address, void *data);
typedef void (*qemu_plugin_exit_fn)(qemu_plugin_id id, void *data);

/* Called for each block before it is translated, on the vCPU's thread. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id id, qemu_plugin_translate_fn callback);

/* Called when QEMU ends. */
void qemu_plugin_register_atexit_cb(qemu_plugin_id id, qemu_plugin_exit_fn callback, void *data);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_block *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_block *block,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/*
 * Calls callback after each access of the instruction.  Ask for loads and stores
 * and register once: asked for loads only, QEMU 7.2 calls for none (it tests the
 * wrong bit of rw), and it stops at the first registration that does not want an
 * access, so that a second one can miss its own.
 */
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_plugin_access_fn callback,
				      enum qemu_plugin_cb_flags flags, enum qemu_plugin_rw rw,
				      void *data);

bool qemu_plugin_mem_is_store(qemu_plugin_access access);

/* Where the access went; only inside an access callback, with its own arguments. */
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_access access, uint64_t address);
/*
 * What QEMU 7.2 keeps behind that handle: not part of the ABI, which has
 *
 *	uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);
 *
 * instead.  That takes two locked instructions and a search through all RAM
 * blocks for each access, a third of the cost of counting it, and its result is
 * not the physical address: it is
 *
 *	offset of the RAM block in QEMU's own RAM space
 *	  + offset within the block + address of its region in its container
 *
 * so that a node whose block and region both start after those of the nodes
 * before it is reported at twice its offset in RAM, without the hole below
 * 4 GiB.  Either number is linear within a node and has to be calibrated, so the
 * host's address does as well.  Were the layout another one, calibration would
 * not succeed.
 */
struct qemu_plugin_hwaddr {
	bool is_io; /* no RAM: host is something else */
	bool is_store;
	uint64_t host; /* where QEMU keeps the byte */
};

#endif
