/* SPDX-License-Identifier: MIT */
/* What is done for each row of the table (requests.h). */
#ifndef CTL_HANDLERS_H
#define CTL_HANDLERS_H

#include "requests.h"

ctl_handler handle_add;
ctl_handler handle_decisions;
ctl_handler handle_hint;
ctl_handler handle_list;
ctl_handler handle_pause;
ctl_handler handle_remove;
ctl_handler handle_resume;
ctl_handler handle_status;
ctl_handler handle_table;

#endif
