/* SPDX-License-Identifier: MIT */
#ifndef BPROF_OUTPUT_XML_H
#define BPROF_OUTPUT_XML_H

#include "writer.h"

/*
 * A foreign string as text of an element or of an attribute in XML 1.0, which has no way to write a
 * control character: those are visible (text.h). At most about @max bytes of it, as
 * text_add_short().
 */
void xml_add(struct writer *w, const char *s, size_t max);

#endif
