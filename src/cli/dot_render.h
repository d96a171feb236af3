/* SPDX-License-Identifier: MIT */
#ifndef BPROF_DOT_RENDER_H
#define BPROF_DOT_RENDER_H

#include "buf.h"
#include "run.h"

/**
 * dot_render() - a graph as SVG, by graphviz's dot if it is installed
 * @session: as void *, see struct tree_request; dot runs as the user, for some seconds at most
 * @ret:     empty where nothing came of it
 *
 * Return: 0; -ENOENT: there is no dot; -EPROTO, -ETIMEDOUT: it does not answer; -errno.
 */
int dot_render(void *session, const char *graph, size_t len, struct buf *ret) MUST_CHECK;

#endif
