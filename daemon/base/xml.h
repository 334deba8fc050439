/* SPDX-License-Identifier: Apache-2.0
 *
 * xml: small documents of storage servers into a tree with limits (depth 32, no DTD, no entities
 * beyond the five), namespaces dropped, and a writer's escape.  The only user of expat is xml.c.
 */
#pragma once
#include "base/buf.h"

struct xml_node {
    char *name;               /* local name */
    char *text;               /* all character data below this node itself, never NULL */
    struct xml_node *child;   /* first */
    struct xml_node *next;    /* sibling of the same parent */
};
/* Owned by the caller: xml_free. ERR_CORRUPT with line, ERR_TOO_LARGE beyond max_nodes. */
struct xml_node *xml_parse(const char *text, size_t len, size_t max_nodes, struct err *err);
void xml_free(struct xml_node *root);
const struct xml_node *xml_child(const struct xml_node *n, const char *name); /* first so named, or NULL */
const char *xml_text(const struct xml_node *n, const char *child_name);       /* "" when absent */
void xml_escape(struct buf *to, const char *s, size_t len); /* control characters become references */
