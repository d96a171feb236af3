/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_MARKDOWN_H
#define BPROF_OUTPUT_MARKDOWN_H

#include "writer.h"

/* Foreign text as plain text of a page or a cell, not without end. NULL is nothing. */
void markdown_add(struct writer *w, const char *text);

#endif
