/* SPDX-License-Identifier: MIT */
/* The size of a base page, which is what "pages" are counted in: that of x86-64. */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#define PAGE_BYTES 4096UL

#endif
