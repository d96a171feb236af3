/* SPDX-License-Identifier: MIT */
#ifndef BPROF_LINK_PAGE_H
#define BPROF_LINK_PAGE_H

#include "run.h"

/* link-page: a page for the main branch about the branch of releases, to stdout. The exit status.
 */
int link_page_command(const struct session *session);

/**
 * link_page_address() - where a repository is seen in a browser
 * @remote: an address as git has it: https://HOST/PATH.git, ssh://USER@HOST/PATH, USER@HOST:PATH
 *
 * Without user and password. Return: 0; -EINVAL: no web page can be known, such as of a directory;
 * -ENOMEM.
 */
int link_page_address(const char *remote, struct buf *ret) MUST_CHECK;

#endif
