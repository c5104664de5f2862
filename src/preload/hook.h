/* SPDX-License-Identifier: MIT */
/* How functions are marked that stand before those of the same name; preload.map names them, too.
 */
#ifndef PRELOAD_HOOK_H
#define PRELOAD_HOOK_H

#define HOOK __attribute__((visibility("default")))

#endif
