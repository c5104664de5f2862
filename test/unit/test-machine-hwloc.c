/* SPDX-License-Identifier: MIT */
/*
 * hwloc's XML: what is read from it, and that hostile XML is refused with its
 * line.  That both halves agree with hwloc itself is test/fixture's to show.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "machine-hwloc.h"
#include "text.h"

DEFINE_CLEANUP(struct machine *, machine_free);
#define _cleanup_machine_ _cleanup_(machine_freep)

#define V2 "<topology version='2.0'>\n"
#define NODE(id, cpus, more, within)                                                           \
	"<object type='NUMANode' os_index='" id "' gp_index='1" id "' cpuset='" cpus "' " more \
	">" within "</object>\n"
#define INFO(name, value) "<info name='" name "' value='" value "'/>"
#define MEMORY		  "local_memory='1073741824'"

/* Node 0 with CPUs 0 and 1, node 5 without: hwloc gives it the nearest ones. */
#define TWO_NODES                                                                    \
	"<object type='Machine' os_index='0'>\n" NODE("5", "0x00000003", MEMORY, "") \
		NODE("0", "0x00000003", MEMORY, "") "</object>\n"

static struct machine *read_xml(const char *text)
{
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	if (machine_from_hwloc_xml_text("m.xml", text, strlen(text), &machine, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	return machine;
}

static void assert_refused_text(const char *text, size_t length, int code, const char *object,
				const char *cause)
{
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	assert_int_equal(machine_from_hwloc_xml_text("m.xml", text, length, &machine, &err), code);
	assert_null(machine);
	assert_int_equal(err.code, code);
	assert_string_equal(err.object, object);
	if (!strstr(err.cause, cause))
		fail_msg("cause is \"%s\", should contain \"%s\"", err.cause, cause);
	assert_true(*err.advice);
}

static void assert_refused(const char *text, int code, const char *object, const char *cause)
{
	assert_refused_text(text, strlen(text), code, object, cause);
}

static void test_nodes(void **state)
{
	static const char xml[] =
		V2 "<object type='Machine'><info name='HostName' value='here'/>"
		   "<info name='HostName' value='not this'/>" TWO_NODES "</object></topology>";
	_cleanup_machine_ struct machine *machine = read_xml(xml);

	(void)state;
	assert_string_equal(machine->name, "here");
	assert_int_equal(machine->nr_nodes, 2);
	assert_int_equal(machine->nodes[0].id, 0);
	assert_int_equal(machine->nodes[1].id, 5);
	assert_string_equal(machine->nodes[0].cpus, "0-1");
	assert_string_equal(machine->nodes[1].cpus, "");
	assert_int_equal(machine->nodes[0].capacity_bytes, 1 << 30);
	assert_int_equal(*machine_distance(machine, 0, 0), 10);
	assert_int_equal(*machine_distance(machine, 0, 5), 0);
	assert_false(machine_performance_stated(machine_performance(machine, 0, 5)));
}

/* The smallest set takes its CPUs first; lists have gaps. */
static void test_cpus(void **state)
{
	static const char xml[] =
		V2 "<object type='Machine'>"
		   "<object type='NUMANode' os_index='0' gp_index='10' "
		   "cpuset='0x0000000f,0xffffffff'/>"
		   "<object type='NUMANode' os_index='1' gp_index='11' cpuset='0x00000006,0x0'/>"
		   "<object type='NUMANode' os_index='2' gp_index='12' cpuset='0x0'/>"
		   "</object></topology>";
	_cleanup_machine_ struct machine *machine = read_xml(xml);

	(void)state;
	assert_string_equal(machine->name, "m.xml");
	assert_string_equal(machine->nodes[0].cpus, "0-32,35");
	assert_string_equal(machine->nodes[1].cpus, "33-34");
	assert_string_equal(machine->nodes[2].cpus, "");
	assert_int_equal(machine->nodes[2].capacity_bytes, 0);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *subtype, *info;
		enum mpol_memory_kind kind;
	} kinds[] = {
		{ "", "", MPOL_MEMORY_UNKNOWN },
		{ "GPUMemory", "", MPOL_MEMORY_UNKNOWN },
		{ "DRAM", "", MPOL_MEMORY_DRAM },
		{ "HBM", "", MPOL_MEMORY_HBM },
		{ "MCDRAM", "", MPOL_MEMORY_HBM },
		{ "NVM", "", MPOL_MEMORY_PMEM },
		{ "CXL-DRAM", "", MPOL_MEMORY_CXL },
		{ "CXL-NVM", "", MPOL_MEMORY_PMEM },
		{ "", INFO("CXLDevice", "0000:11:00.0"), MPOL_MEMORY_CXL },
		{ "", INFO("CXLDevice", "x") INFO("DAXType", "NVM"), MPOL_MEMORY_PMEM },
		{ "", INFO("DAXType", "NVM") INFO("CXLDevice", "x"), MPOL_MEMORY_PMEM },
		{ "", INFO("DAXType", "SPM"), MPOL_MEMORY_UNKNOWN },
		{ "HBM", INFO("DAXType", "NVM"), MPOL_MEMORY_HBM },
		/* What is within an object of the node's is not about the node. */
		{ "", "<object type='Misc'>" INFO("DAXType", "NVM") "</object>",
		  MPOL_MEMORY_UNKNOWN },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct machine *machine;

		snprintf(text, sizeof(text),
			 V2 "<object type='Machine'><object type='NUMANode' os_index='0' "
			    "gp_index='1' cpuset='0x1' subtype='%s'>%s</object></object>"
			    "</topology>",
			 kinds[i].subtype, kinds[i].info);
		machine = read_xml(text);
		assert_int_equal(machine->nodes[0].kind, kinds[i].kind);
		machine_free(machine);
	}
}

static void test_caches(void **state)
{
	static const char xml[] =
		V2 "<object type='Machine'>"
		   "<object type='MemCache' cache_size='1000' cache_linesize='64' "
		   "cache_associativity='1'>"
		   "<object type='MemCache' cache_size='2000' cache_linesize='128' "
		   "cache_associativity='-1'>"
		   "<object type='MemCache' cache_size='3000' cache_linesize='4096' "
		   "cache_associativity='0'>"
		   "<object type='NUMANode' os_index='0' gp_index='10' cpuset='0x1'/>"
		   "</object></object>"
		   "<object type='NUMANode' os_index='1' gp_index='11' cpuset='0x2'/>"
		   "</object></object></topology>";
	_cleanup_machine_ struct machine *machine = read_xml(xml);
	const struct mpol_memory_cache *caches = machine->nodes[0].caches;

	(void)state;
	assert_int_equal(machine->nodes[0].nr_caches, 3);
	assert_int_equal(caches[0].size_bytes, 3000);
	assert_int_equal(caches[0].line_bytes, 4096);
	assert_int_equal(caches[0].level, 1);
	assert_int_equal(caches[0].indexing, -1);
	assert_int_equal(caches[0].write_through, -1);
	assert_int_equal(caches[1].size_bytes, 2000);
	assert_int_equal(caches[1].level, 2);
	assert_int_equal(caches[1].indexing, 1);
	assert_int_equal(caches[2].size_bytes, 1000);
	assert_int_equal(caches[2].indexing, 0);
	assert_int_equal(machine->nodes[1].nr_caches, 1);
	assert_int_equal(machine->nodes[1].caches[0].size_bytes, 1000);
}

#define DISTANCES(name, indexing, body)                                                       \
	"<distances2 type='NUMANode' nbobjs='2' kind='5' name='" name "' indexing='" indexing \
	"'>\n" body "</distances2>\n"

static void test_distances(void **state)
{
	/* By number and by hwloc's own; in several parts; the wrong ones are passed over. */
	static const char *const tables[] = {
		DISTANCES("XGMIBandwidth", "os", "<indexes>0 5</indexes><u64values>1</u64values>")
			DISTANCES("NUMALatency", "os",
				  "<indexes>5 </indexes>\n<indexes>0 </indexes>\n"
				  "<u64values>10 31 </u64values><u64values>17 10</u64values>"),
		DISTANCES("NUMALatency", "gp",
			  "<indexes>10 15</indexes><u64values>10 17 31 10</u64values>")
			DISTANCES("NUMALatency", "os",
				  "<indexes>0 5</indexes><u64values>10 40 40 10</u64values>"),
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct machine *machine;

		snprintf(text, sizeof(text), V2 TWO_NODES "%s</topology>", tables[i]);
		machine = read_xml(text);
		assert_int_equal(*machine_distance(machine, 0, 5), 17);
		assert_int_equal(*machine_distance(machine, 5, 0), 31);
		assert_int_equal(*machine_distance(machine, 5, 5), 10);
		machine_free(machine);
	}
}

static void test_distances_of_nodes_that_are_not_there(void **state)
{
	_cleanup_machine_ struct machine *machine =
		read_xml(V2 TWO_NODES DISTANCES("NUMALatency", "os",
						"<indexes>0 7</indexes><u64values>10 300 21 "
						"10</u64values>") "</topology>");

	(void)state;
	assert_int_equal(*machine_distance(machine, 0, 0), 10);
	assert_int_equal(*machine_distance(machine, 0, 5), 0);
}

/* Without direction for where no other says; by sets of CPUs, by nodes; others are passed over. */
static void test_performance(void **state)
{
	static const char xml[] = V2 TWO_NODES
		"<memattr name='ReadLatency' flags='6'>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='15' value='250' "
		"initiator_cpuset='0x1'/></memattr>"
		"<memattr name='Latency' flags='6'>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='15' value='270' "
		"initiator_cpuset='0x1'/>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='10' value='90' "
		"initiator_obj_type='NUMANode' initiator_obj_gp_index='10'/>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='10' value='91' "
		"initiator_obj_type='OSDev' initiator_obj_gp_index='10'/>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='77' value='92' "
		"initiator_cpuset='0x1'/>"
		"<memattr_value target_obj_type='Group' target_obj_gp_index='10' value='93' "
		"initiator_cpuset='0x1'/></memattr>"
		"<memattr name='Bandwidth' flags='5'>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='15' value='1024' "
		"initiator_cpuset='0xff'/></memattr>"
		"<memattr name='Capacity' flags='1'>"
		"<memattr_value target_obj_type='NUMANode' target_obj_gp_index='15' value='3'/>"
		"</memattr></topology>";
	_cleanup_machine_ struct machine *machine = read_xml(xml);
	const struct mpol_performance *far = machine_performance(machine, 0, 5);

	(void)state;
	assert_int_equal(far->read_latency_ns, 250);
	assert_int_equal(far->write_latency_ns, 270);
	assert_int_equal(far->read_bandwidth_bytes, 1 << 30);
	assert_int_equal(far->write_bandwidth_bytes, 1 << 30);
	assert_int_equal(machine_performance(machine, 0, 0)->read_latency_ns, 90);
	assert_int_equal(machine_performance(machine, 0, 0)->write_latency_ns, 90);
	assert_false(machine_performance_stated(machine_performance(machine, 5, 5)));
}

/* Version 3 has the host's name around the objects. */
static void test_version_3(void **state)
{
	_cleanup_machine_ struct machine *machine =
		read_xml("<topology version='3.0'>" TWO_NODES INFO(
			"HostName", "three") "<support name='x'/></topology>");

	(void)state;
	assert_string_equal(machine->name, "three");
}

/* Elements that are not known are passed over with what is in them. */
static void test_unknown_elements(void **state)
{
	static const char xml[] =
		"<!DOCTYPE topology SYSTEM 'hwloc2.dtd'>" V2 "<future>" TWO_NODES
		"<info name='HostName' value='no'/></future>" TWO_NODES
		"<cpukind><info name='HostName' value='no'/></cpukind></topology>";
	_cleanup_machine_ struct machine *machine = read_xml(xml);

	(void)state;
	assert_int_equal(machine->nr_nodes, 2);
	assert_string_equal(machine->name, "m.xml");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *object, *cause;
	} bad[] = {
		{ "", -EBADMSG, "m.xml, line 1", "not XML" },
		{ "<topology", -EBADMSG, "m.xml, line 1", "not XML" },
		{ V2 "<object>", -EBADMSG, "m.xml, line 2", "not XML" },
		{ V2 "</object>", -EBADMSG, "m.xml, line 2", "not XML" },
		{ "\n<html/>", -EBADMSG, "m.xml, line 2", "<html>, not <topology>" },
		{ "<topology/>", -EBADMSG, "m.xml, line 1", "version 1" },
		{ "<topology version='4.0'/>", -EBADMSG, "m.xml, line 1", "version 4.0" },
		{ V2 "</topology>", -EINVAL, "m.xml, line 2", "no machine" },
		{ V2 "<object type='Machine'>\n</object></topology>", -EINVAL, "m.xml, line 3",
		  "no memory nodes" },
		{ V2 TWO_NODES "<object type='Machine'/></topology>", -EBADMSG, "m.xml, line 6",
		  "second machine" },
		{ V2 "<object>" NODE("1024", "0x1", "", ""), -EINVAL, "m.xml, line 2",
		  "up to 1023" },
		{ V2 "<object>" NODE("1", "0x1", "", "") NODE("1", "0x1", "", ""), -EINVAL,
		  "m.xml, line 3", "node 1 is there twice" },
		{ V2 "<object>" NODE("1", "0x1", "",
				     "") "<object type='NUMANode' os_index='2' gp_index='11'/>",
		  -EINVAL, "m.xml, line 3", "gp_index 11" },
		{ V2 "<object>" NODE("1x", "0x1", "", ""), -EBADMSG, "m.xml, line 2",
		  "os_index is not a number: 1x" },
		{ V2 "<object type='NUMANode'/>", -EBADMSG, "m.xml, line 2",
		  "os_index is missing" },
		{ V2 "<object>" NODE("1", "3", "", ""), -EBADMSG, "m.xml, line 2",
		  "cpuset is not a set of CPUs: 3" },
		{ V2 "<object>" NODE("1", "0xf...f", "", ""), -EINVAL, "m.xml, line 2",
		  "cpuset has CPUs from 65536 on" },
		{ V2 "<object type='NUMANode' os_index='2' gp_index='11'/>", -EBADMSG,
		  "m.xml, line 2", "cpuset is missing" },
		{ V2 "<object>" NODE("1", "0x1", "local_memory='-1'", ""), -EBADMSG,
		  "m.xml, line 2", "local_memory is not a number: -1" },
		{ V2 "<object type='MemCache' cache_size='64KB'/>", -EBADMSG, "m.xml, line 2",
		  "cache_size is not a number" },
		{ V2 "<object type='MemCache' cache_size='1' cache_linesize='4294967296'/>",
		  -EINVAL, "m.xml, line 2", "lines of" },
		{ V2 "<memattr name='Latency'/>", -EBADMSG, "m.xml, line 2",
		  "<memattr> before the objects" },
		{ V2 "<distances2/>", -EBADMSG, "m.xml, line 2", "<distances2> before" },
		{ V2 TWO_NODES "<memattr name='Latency'>\n<memattr_value "
			       "target_obj_type='NUMANode' target_obj_gp_index='10' value='1'/>",
		  -EBADMSG, "m.xml, line 7", "initiator_cpuset is missing" },
		{ V2 TWO_NODES "<memattr name='Latency'>\n<memattr_value "
			       "target_obj_type='NUMANode' target_obj_gp_index='10' value='x'/>",
		  -EBADMSG, "m.xml, line 7", "value is not a number" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i].text, bad[i].code, bad[i].object, bad[i].cause);
}

static void test_refused_distances(void **state)
{
#define TABLE(body) V2 TWO_NODES DISTANCES("NUMALatency", "os", body)
	static const struct {
		const char *text, *object, *cause;
	} bad[] = {
		{ TABLE("<indexes>0 5 7</indexes>"), "m.xml, line 7", "more than 2 indexes" },
		{ TABLE("<indexes>0\nfive</indexes>"), "m.xml, line 8", "not a number: five" },
		{ TABLE("<u64values>10</u64values>"), "m.xml, line 7", "0 indexes" },
		{ TABLE("<indexes>0 5</indexes><u64values>10 20 20 10 7</u64values>"),
		  "m.xml, line 7", "more than 4 distances" },
		{ TABLE("<indexes>0 5</indexes>\n<u64values>10 20 20</u64values>"), "m.xml, line 8",
		  "3 distances between 2 nodes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i].text, -EBADMSG, bad[i].object, bad[i].cause);
	assert_refused(V2 TWO_NODES "<distances2 type='NUMANode' name='NUMALatency' "
				    "nbobjs='1025'>",
		       -EINVAL, "m.xml, line 6", "between 1025 nodes");
}

/* Entities, depth and lists are where little XML becomes much work. */
static void test_bombs(void **state)
{
	_cleanup_(text_free) struct text text = { 0 };

	(void)state;
	assert_refused("<!DOCTYPE topology [\n<!ENTITY a 'aaaaaaaa'>\n<!ENTITY b '&a;&a;'>\n]>"
		       "<topology version='2.0'>&b;</topology>",
		       -EBADMSG, "m.xml, line 1", "declares entities");
	assert_refused("<!DOCTYPE topology [ <!ENTITY a SYSTEM '/etc/passwd'> ]>" V2 "&a;",
		       -EBADMSG, "m.xml, line 1", "declares entities");

	text_printf(&text, V2);
	for (int i = 0; i < MACHINE_HWLOC_MAX_DEPTH; i++)
		text_printf(&text, "<object type='Group'>\n");
	assert_refused(text.data, -EBADMSG, "m.xml, line 129", "more than 128 deep");
	text_free(&text);

	text = (struct text) { 0 };
	text_printf(&text, TABLE("<indexes>"));
	text.length -= strlen("</distances2>\n");
	for (int i = 0; i < 1 << 17; i++)
		text_append(&text, "        \n", 9);
	assert_refused_text(text.data, text.length, -EBADMSG, "m.xml, line 116515",
			    "a list longer than");
}

/* Cut off anywhere, and with any byte changed, it is refused or read: never worse. */
static void test_damaged(void **state)
{
	static const char whole[] =
		V2 "<object type='Machine'>"
		   "<object type='MemCache' cache_size='4096' cache_linesize='64'>"
		   "<object type='NUMANode' os_index='0' gp_index='10' cpuset='0x1'>"
		   "<info name='DAXType' value='NVM'/></object></object></object>"
		   "<distances2 type='NUMANode' nbobjs='2' name='NUMALatency'>"
		   "<indexes>0 5</indexes><u64values>10 17 31 10</u64values></distances2>"
		   "<memattr name='Latency'><memattr_value target_obj_type='NUMANode' "
		   "target_obj_gp_index='10' value='270' initiator_cpuset='0x1'/></memattr>"
		   "</topology>";
	static const char bytes[] = "<>/'\0 9&\x80";
	char text[sizeof(whole)];
	int refused = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 2; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++) {
			_cleanup_machine_ struct machine *machine = NULL;
			struct mpol_error err = { 0 };
			int r;

			memcpy(text, whole, sizeof(whole));
			if (j < sizeof(bytes) - 1)
				text[i] = bytes[j];
			r = machine_from_hwloc_xml_text(
				"m.xml", text, j < sizeof(bytes) - 1 ? sizeof(whole) - 1 : i,
				&machine, &err);
			assert_true(r == 0 ? machine != NULL : !machine && err.code == r);
			refused += r < 0;
			/* Nothing is complete without its end. */
			assert_true(j < sizeof(bytes) - 1 || r < 0);
		}
	}
	assert_true(refused > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_distances_of_nodes_that_are_not_there),
		cmocka_unit_test(test_performance),
		cmocka_unit_test(test_version_3),
		cmocka_unit_test(test_unknown_elements),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_distances),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
