/* SPDX-License-Identifier: MIT */
/*
 * Sizes, bandwidths and durations with their units: "2GiB", "200MB/s",
 * "100ms".  KiB, MiB, … are powers of 1024, kB, MB, … powers of 1000.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each reads a whole number or a decimal fraction and a unit, which may only
 * be left out where the number is 0 or, for bytes, is a count of bytes.
 * Returns 0; -EINVAL: no such form or unit; -ERANGE: does not fit 64 bits.
 * *ret is untouched on failure.
 */
int units_parse_bytes(const char *text, uint64_t *ret_bytes);
int units_parse_bandwidth(const char *text, uint64_t *ret_bytes_per_second);
int units_parse_duration(const char *text, uint64_t *ret_ns);

/*
 * Each writes the value with at most three significant digits after rounding
 * and the fitting unit: "1.50 GiB", "35.2 GB/s", "120 ns".  Returns buffer.
 */
char *units_format_bytes(uint64_t bytes, char *buffer, size_t size);
char *units_format_bandwidth(uint64_t bytes_per_second, char *buffer, size_t size);
char *units_format_duration(uint64_t ns, char *buffer, size_t size);

#endif
