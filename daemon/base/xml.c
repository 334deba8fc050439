/* SPDX-License-Identifier: Apache-2.0
 *
 * xml: see the header.  Namespaces are dropped by cutting prefixes: storage servers differ in the
 * prefix and agree on the local name.  Threads: any; a tree is its caller's.
 */
#include "base/xml.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>

#include <expat.h>

enum { DEPTH_MAX = 32 };

struct level {
    struct xml_node *node;
    struct xml_node **last; /* where its next child goes */
    struct buf text;
};

struct parse {
    XML_Parser expat;
    struct level levels[DEPTH_MAX];
    int depth;
    struct xml_node *root;
    size_t nodes, max_nodes;
    int rc;
    struct err *err;
};

static void stop(struct parse *p, int rc)
{
    p->rc = rc;
    XML_StopParser(p->expat, XML_FALSE);
}

static int check_limits(struct parse *p)
{
    unsigned long line = XML_GetCurrentLineNumber(p->expat);
    if (p->depth == DEPTH_MAX)
        return err_set(p->err, ERR_TOO_LARGE, "XML is nested more than %d deep in line %lu", DEPTH_MAX, line);
    if (p->nodes == p->max_nodes)
        return err_set(p->err, ERR_TOO_LARGE, "XML has more than %zu elements in line %lu", p->max_nodes, line);
    return 0;
}

static void XMLCALL on_start(void *arg, const char *name, const char **attributes)
{
    (void)attributes;
    struct parse *p = arg;
    int rc = p->rc < 0 ? p->rc : check_limits(p);
    if (rc < 0) {
        stop(p, rc);
        return;
    }
    const char *colon = strrchr(name, ':');
    struct xml_node *n = xnew(struct xml_node), **at = p->depth ? p->levels[p->depth - 1].last : &p->root;
    n->name = xstrdup(colon ? colon + 1 : name);
    *at = n;
    if (p->depth)
        p->levels[p->depth - 1].last = &n->next;
    struct level *l = &p->levels[p->depth++];
    l->node = n;
    l->last = &n->child;
    buf_init(&l->text, BUF_MAX_ANY); /* no longer than the document: there are no entities to grow it */
    p->nodes++;
}

static void XMLCALL on_end(void *arg, const char *name)
{
    (void)name;
    struct parse *p = arg;
    if (p->rc < 0)
        return;
    struct level *l = &p->levels[--p->depth];
    l->node->text = buf_take(&l->text);
}

static void XMLCALL on_text(void *arg, const char *s, int len)
{
    struct parse *p = arg;
    if (p->rc == 0 && p->depth)
        buf_add(&p->levels[p->depth - 1].text, s, (size_t)len);
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *sys, const char *pub, int has_internal)
{
    (void)name, (void)sys, (void)pub, (void)has_internal;
    struct parse *p = arg;
    stop(p, err_set(p->err, ERR_CORRUPT, "XML with a document type is not accepted"));
}

static int run(struct parse *p, const char *text, size_t len)
{
    XML_SetUserData(p->expat, p);
    XML_SetElementHandler(p->expat, on_start, on_end);
    XML_SetCharacterDataHandler(p->expat, on_text);
    XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
    enum XML_Status status = XML_Parse(p->expat, text, (int)len, 1);
    if (p->rc < 0)
        return p->rc;
    if (status != XML_STATUS_OK)
        return err_set(p->err, ERR_CORRUPT, "not XML: %s in line %lu", XML_ErrorString(XML_GetErrorCode(p->expat)),
                       XML_GetCurrentLineNumber(p->expat));
    return 0;
}

struct xml_node *xml_parse(const char *text, size_t len, size_t max_nodes, struct err *err)
{
    struct parse p = {.max_nodes = max_nodes, .err = err};
    int rc = len > INT_MAX ? err_set(err, ERR_TOO_LARGE, "XML of %zu bytes is too large", len) : 0;
    if (rc < 0)
        return NULL;
    p.expat = XML_ParserCreate(NULL);
    if (!p.expat)
        abort(); /* out of memory */
    rc = run(&p, len ? text : "", len);
    XML_ParserFree(p.expat);
    while (p.depth)
        buf_done(&p.levels[--p.depth].text);
    if (rc == 0)
        return p.root;
    xml_free(p.root);
    return NULL;
}

/* Children are put in front of what is left, so that no stack is needed. */
void xml_free(struct xml_node *root)
{
    while (root) {
        struct xml_node *n = root, *last = n->child;
        while (last && last->next)
            last = last->next;
        if (last) {
            last->next = n->next;
            root = n->child;
        } else {
            root = n->next;
        }
        free(n->name);
        free(n->text);
        free(n);
    }
}

const struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
    const struct xml_node *c = n ? n->child : NULL;
    while (c && strcmp(c->name, name))
        c = c->next;
    return c;
}

const char *xml_text(const struct xml_node *n, const char *child_name)
{
    const struct xml_node *c = xml_child(n, child_name);
    return c ? c->text : "";
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

void xml_escape(struct buf *to, const char *s, size_t len)
{
    size_t run_start = 0;
    for (size_t i = 0; i < len; i++) {
        const char *entity = entity_of(s[i]);
        bool is_control = (unsigned char)s[i] < 32;
        if (!entity && !is_control)
            continue;
        buf_add(to, s + run_start, i - run_start);
        if (entity)
            buf_adds(to, entity);
        else
            buf_addf(to, "&#%d;", s[i]);
        run_start = i + 1;
    }
    buf_add(to, s + run_start, len - run_start);
}
