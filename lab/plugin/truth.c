/* SPDX-License-Identifier: MIT */
/*
 * truth.so: a QEMU TCG plugin that counts the memory accesses that guest
 * programs make, by NUMA node and by page.  This file is the part that QEMU
 * calls: translation and the callbacks of each access.
 *
 * What is counted: the loads and stores of instructions at addresses in the
 * lower half, that is of user mode: on x86-64 the kernel runs in the upper half
 * only (but for firmware calls, of which a lab guest makes none).  The kernel's
 * own accesses to user pages (copy_to_user, clear_page, migration) are made by
 * instructions of the upper half, which get no callback.  Neither instruction
 * fetches nor page table walks make callbacks at all.
 *
 * By process: the running task of each vCPU is followed, see tasks.h; that is
 * exact whatever its addresses, wherever its pages move.  By node: the address
 * that QEMU reports for each single access is looked up in the map learned by
 * calibration; a page that moves is counted where it is at that access.
 *
 * An access is what TCG makes of it: one for an ordinary load or store of up to
 * 8 bytes; a locked read-modify-write is one load and one store; a vector of 16
 * or 32 bytes is 2 or 4 accesses of 8; a string instruction makes one per
 * element.  An access across a page boundary counts for its first byte.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "gate.h"
#include "pages.h"
#include "qemu-plugin-abi.h"
#include "session.h"
#include "tasks.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT extern const int qemu_plugin_version;
const int qemu_plugin_version = QEMU_PLUGIN_ABI;

EXPORT int qemu_plugin_install(qemu_plugin_id id, const struct qemu_plugin_info *info, int argc,
			       char **argv);

/* What a vCPU runs; written by its own thread alone. */
static struct vcpu {
	_Alignas(64) struct task *task;
	uint64_t next_task; /* between the two halves of a switch */
	struct task nobody; /* until the first switch */
} vcpus[VCPUS_MAX];

static FILE *journal;

static bool in_range(const struct range *range, uint64_t address)
{
	return address - range->start < range->length_bytes;
}

static bool wanted(uint64_t address)
{
	if (rules.nr_ranges == 0)
		return true;
	for (unsigned int i = 0; i < rules.nr_ranges; i++) {
		if (in_range(&rules.ranges[i], address))
			return true;
	}
	return false;
}

/* False where there is no RAM behind the address. */
static bool reported_address(qemu_plugin_access access, uint64_t address, uint64_t *ret)
{
	const struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(access, address);

	if (!hwaddr || hwaddr->is_io)
		return false;
	*ret = hwaddr->host;
	return true;
}

/* QEMU keeps load and store as two bits above the description of the access
 * (plugins/core.c, qemu_plugin_vcpu_mem_cb); qemu_plugin_mem_is_store does not
 * tell a store from a locked read-modify-write.  Calibration counts some. */
static enum qemu_plugin_rw kind_of(qemu_plugin_access access)
{
	return access >> 16 & QEMU_PLUGIN_LOADS_AND_STORES;
}

static void count_page(struct task *task, const struct page_count *count)
{
	if (!task->pages)
		task->pages = pages_new();
	if (task->pages)
		pages_add(task->pages, count);
}

static void count_access(struct task *task, qemu_plugin_access access, uint64_t address)
{
	enum qemu_plugin_rw kind = kind_of(access);
	uint64_t loads = kind & QEMU_PLUGIN_LOADS;
	uint64_t stores = (kind & QEMU_PLUGIN_STORES) / QEMU_PLUGIN_STORES;
	unsigned int cell = CELL_ELSEWHERE;
	uint64_t reported;

	if (reported_address(access, address, &reported))
		cell = nodemap_cell(&rules.map, reported);
	task->cells[cell].loads += loads;
	task->cells[cell].stores += stores;
	if (rules.by_page)
		count_page(task,
			   &(struct page_count) { address >> PAGES_SHIFT, loads, stores, cell });
}

static void probe_access(const struct task *task, qemu_plugin_access access, uint64_t address)
{
	uint64_t reported;
	unsigned int i;

	if (!in_range(&rules.probed, address) || !reported_address(access, address, &reported))
		return;
	i = atomic_fetch_add(&rules.nr_probes, 1);
	if (i < PROBES_MAX)
		rules.probes[i] = (struct probe) { address, reported, task->address };
}

static void on_access(unsigned int index, qemu_plugin_access access, uint64_t address, void *data)
{
	struct vcpu *vcpu = &vcpus[index];
	enum gate gate = gate_enter(index);
	struct task *task = vcpu->task ? vcpu->task : &vcpu->nobody;

	(void)data;
	if (gate == GATE_OPEN) {
		if (!task->ignored && wanted(address))
			count_access(task, access, address);
	} else if (gate == GATE_PROBE) {
		probe_access(task, access, address);
	}
	gate_leave(index);
}

/* mov THREAD_SP(%rsi), %rsp; data is THREAD_SP. */
static void on_switch(unsigned int index, qemu_plugin_access access, uint64_t address, void *data)
{
	(void)access;
	vcpus[index].next_task = address - (uintptr_t)data;
}

/* The pop after it, from the next task's stack. */
static void on_switched(unsigned int index, qemu_plugin_access access, uint64_t address, void *data)
{
	struct vcpu *vcpu = &vcpus[index];
	uint64_t depth_bytes = TASK_STACK_BYTES - (address & (TASK_STACK_BYTES - 1));

	(void)access;
	(void)data;
	gate_enter(index);
	vcpu->task = tasks_switch_to(vcpu->next_task, depth_bytes <= TASK_NEWBORN_BYTES);
	gate_leave(index);
}

static bool matches(const struct qemu_plugin_block *block, size_t first, const char *code,
		    size_t length)
{
	size_t at = 0, n = qemu_plugin_tb_n_insns(block);

	for (size_t i = first; i < n && at < length; i++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
		size_t size = qemu_plugin_insn_size(insn);

		if (size > length - at)
			size = length - at;
		if (memcmp(qemu_plugin_insn_data(insn), code + at, size) != 0)
			return false;
		at += size;
	}
	return at == length;
}

/* Watches the two places of __switch_to_asm; see tasks.h. */
static void translate_kernel(const struct qemu_plugin_block *block, size_t i)
{
	static const char load_rsp[] = "\x48\x8b\xa6"; /* mov disp32(%rsi), %rsp */
	static const char pops[] = "\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5b\x5d";
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
	const char *code = qemu_plugin_insn_data(insn);
	int32_t disp;

	if (qemu_plugin_insn_size(insn) == 7 && memcmp(code, load_rsp, 3) == 0) {
		memcpy(&disp, code + 3, sizeof(disp));
		qemu_plugin_register_vcpu_mem_cb(insn, on_switch, QEMU_PLUGIN_NO_REGISTERS,
						 QEMU_PLUGIN_LOADS_AND_STORES,
						 (void *)(intptr_t)disp);
	} else if (matches(block, i, pops, sizeof(pops) - 1)) {
		qemu_plugin_register_vcpu_mem_cb(insn, on_switched, QEMU_PLUGIN_NO_REGISTERS,
						 QEMU_PLUGIN_LOADS_AND_STORES, NULL);
	}
}

static void on_translate(qemu_plugin_id id, struct qemu_plugin_block *block)
{
	size_t n = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);

		if (qemu_plugin_insn_vaddr(insn) >> 63)
			translate_kernel(block, i);
		else
			qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_NO_REGISTERS,
							 QEMU_PLUGIN_LOADS_AND_STORES, NULL);
	}
}

static void on_exit_of_qemu(qemu_plugin_id id, void *data)
{
	(void)id;
	(void)data;
	fflush(journal);
}

static const char *argument(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
			return argv[i] + length + 1;
	}
	return NULL;
}

static int refuse(const char *what, int code)
{
	fprintf(stderr, "truth.so: %s%s%s\n", what, code ? ": " : "", code ? strerror(-code) : "");
	return -1;
}

/* Arguments: channel=PATH of the chardev's Unix socket, out=FILE for the JSON lines. */
int qemu_plugin_install(qemu_plugin_id id, const struct qemu_plugin_info *info, int argc,
			char **argv)
{
	const char *channel = argument(argc, argv, "channel"), *out = argument(argc, argv, "out");
	int r;

	if (strcmp(info->target_name, "x86_64") != 0 || !info->system_emulation)
		return refuse("only whole x86_64 machines can be counted", 0);
	if (info->system.max_vcpus > VCPUS_MAX)
		return refuse("too many CPUs", 0);
	if (!channel || !out)
		return refuse("usage: -plugin truth.so,channel=SOCKET,out=FILE", 0);
	r = gate_set_up();
	if (r < 0)
		return refuse("this kernel has no expedited membarrier(2)", r);
	journal = fopen(out, "we");
	if (!journal)
		return refuse(out, -errno);
	session_set_up(journal);
	r = control_start(channel);
	if (r < 0)
		return refuse(channel, r);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
