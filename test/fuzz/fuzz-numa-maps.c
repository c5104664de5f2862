/* SPDX-License-Identifier: MIT */
/* Any pair of maps and numa_maps (separated by a NUL): refused, or joined in order. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "numa-maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = calloc(1, size + 2);
	struct vma_table table = { 0 };
	const char *numa_maps;

	if (!text)
		return 0;
	memcpy(text, data, size);
	numa_maps = text + strlen(text) + 1;
	if (numa_maps > text + size)
		numa_maps = text + size;
	if (vma_table_join(text, numa_maps, &table) < 0)
		return 0;
	for (size_t i = 0; i < table.nr_vmas; i++) {
		const struct vma *vma = &table.vmas[i];

		if (vma->start >= vma->end || (i && vma->start < vma[-1].end))
			abort();
		if (vma_table_find(&table, vma->start) != vma)
			abort();
	}
	vma_table_witness(&table);
	vma_table_free(&table);
	return 0;
}
