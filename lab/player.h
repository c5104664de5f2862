/* SPDX-License-Identifier: MIT */
/* What is known of a player (play.c) from outside. */
#ifndef LAB_PLAYER_H
#define LAB_PLAYER_H

/* Its workload's memory begins here. */
#define PLAYER_MEMORY 0x100000000000UL

#endif
