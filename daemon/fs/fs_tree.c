/* SPDX-License-Identifier: Apache-2.0
 *
 * fs_tree: copies and loads of files and whole trees, page by page: memory does not grow with the tree.
 */
#include "api/path.h"
#include "base/mem.h"
#include "fs/fs.h"
#include "fs/fs_parts.h"

#include <string.h>

enum { PAGE_ENTRIES = 500 };

/* ---- one file ---- */

/* A source whose bytes are read from another file. */
struct file_source {
    struct source source;
    struct fs *fs;
    const struct call *call;
    const struct read_plan *plan;
    uint64_t off;
};
struct memory_sink {
    struct sink sink;
    char *to;
    size_t len;
};

static int memory_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct memory_sink *m = (struct memory_sink *)sink;
    TRY(slice_copy(s, m->to + m->len, err));
    m->len += s->len;
    return 0;
}

static int file_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct file_source *f = (struct file_source *)src;
    const struct data_api *data = f->fs->parts.data;
    uint64_t left = f->plan->content.length - f->off;
    size_t want = left < cap ? (size_t)left : cap;
    struct memory_sink m = {.sink.push = memory_push, .to = to};
    struct read_request rq = {.content = &f->plan->content, .off = f->off, .len = want,
                              .type = READ_NO_CACHE, .is_sequential = true};
    struct read_result got = {0};
    if (want)
        TRY(data->read(data->impl, f->call, &rq, &m.sink, &got, err));
    f->off += m.len;
    *ret_len = m.len;
    return 0;
}

/* A link stays one: what it names may not be there. */
static int copy_link(struct fs *fs, const struct call *call, const char *from, const char *to, struct err *err)
{
    const struct meta_api *meta = fs->parts.meta;
    AUTO(buf) target;
    buf_init(&target, PATH_MAX_BYTES + 1);
    TRY(meta->read_link(meta->impl, call, from, &target, err));
    return meta->symlink(meta->impl, call, buf_str(&target), to, err);
}

static int copy_file(struct fs *fs, const struct call *call, const struct read_plan *plan, const char *to,
                     const struct copy_options *o, struct err *err)
{
    if (plan->info.inode.type == INODE_SYMLINK)
        return copy_link(fs, call, plan->path, to, err);
    struct file_source from = {.source = {file_pull, (int64_t)plan->content.length}, .fs = fs, .call = call, .plan = plan};
    struct create_options create = {.overwrite = o->overwrite, .mode = (int)(plan->info.inode.mode & 0777),
                                    .write_type = o->write_type, .ttl_ms = -2, .replication_max = -1};
    return fs_write(fs, call, to, &create, &from.source, err);
}

/* ---- trees: one page of names, then the work on it, then the next page ---- */

struct page_entry {
    char *name; /* relative to the top */
    bool is_directory;
};
struct page {
    struct page_entry entries[PAGE_ENTRIES];
    size_t count;
    size_t top_len; /* of the listed path, with its slash */
};

static int page_add(void *arg, const struct file_info *info, struct err *err)
{
    (void)err;
    struct page *p = arg;
    p->entries[p->count++] = (struct page_entry){xstrdup(info->path + p->top_len), info->inode.type == INODE_DIRECTORY};
    return 0;
}

static void page_reset(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->entries[i].name);
    p->count = 0;
}

typedef int (*entry_fn)(void *arg, const char *name, bool is_directory, struct err *err);

static int each_below(struct fs *fs, const struct call *call, const char *top, entry_fn each, void *arg, struct err *err)
{
    const struct meta_api *meta = fs->parts.meta;
    AUTO_FREE struct page *page = xnew(struct page);
    AUTO_FREE char *after = NULL;
    page->top_len = top[1] ? strlen(top) + 1 : 1;
    int rc = 0;
    for (bool has_more = true; has_more && !rc;) {
        struct list_options o = {.read = {.sync_interval_ms = -2}, .after = after, .position = -1,
                                 .limit = PAGE_ENTRIES, .is_recursive = true};
        struct list_result got = {0};
        rc = meta->list(meta->impl, call, top, &o, page_add, page, &got, err);
        for (size_t i = 0; i < page->count && !rc; i++)
            rc = each(arg, page->entries[i].name, page->entries[i].is_directory, err);
        has_more = got.has_more && page->count > 0;
        if (has_more) {
            free(after);
            after = xstrdup(page->entries[page->count - 1].name);
        }
        page_reset(page);
    }
    return rc;
}

struct tree_work {
    struct fs *fs;
    const struct call *call;
    const char *from, *to;
    const struct copy_options *copy;
    uint64_t files, directories, bytes;
};

static int copy_path(struct tree_work *w, const char *from, const char *to, struct err *err)
{
    const struct meta_api *meta = w->fs->parts.meta;
    struct read_plan plan = {0};
    struct read_options o = {.sync_interval_ms = -2, .access = FS_READ};
    TRY(meta->stat(meta->impl, w->call, from, &o, &plan, err));
    int rc = copy_file(w->fs, w->call, &plan, to, w->copy, err);
    w->files++;
    w->bytes += plan.content.length;
    read_plan_done(&plan);
    return rc;
}

static int copy_entry(void *arg, const char *name, bool is_directory, struct err *err)
{
    struct tree_work *w = arg;
    const struct meta_api *meta = w->fs->parts.meta;
    char from[PATH_MAX_BYTES + 1], to[PATH_MAX_BYTES + 1];
    TRY(path_join(w->from, name, from, err));
    TRY(path_join(w->to, name, to, err));
    if (!is_directory)
        return copy_path(w, from, to, err);
    w->directories++;
    struct mkdir_options o = {.mode = -1, .allow_exists = true, .ttl_ms = -1};
    return meta->mkdir(meta->impl, w->call, to, &o, err);
}

static int copy_tree(struct tree_work *w, struct err *err)
{
    const struct meta_api *meta = w->fs->parts.meta;
    if (!w->copy->is_recursive)
        return err_set(err, ERR_IS_DIRECTORY, "%s is a directory, to copy it please use \"cp -R\"", w->from);
    if (path_is_below(w->to, w->from))
        return err_set(err, ERR_INVALID_ARGUMENT, "%s cannot be copied into itself", w->from);
    struct mkdir_options o = {.mode = -1, .ttl_ms = -1};
    TRY(meta->mkdir(meta->impl, w->call, w->to, &o, err));
    w->directories++;
    return each_below(w->fs, w->call, w->from, copy_entry, w, err);
}

int fs_copy(struct fs *fs, const struct call *call, const char *from, const char *to, const struct copy_options *o,
            struct err *err)
{
    const struct meta_api *meta = fs->parts.meta;
    char clean_from[PATH_MAX_BYTES + 1], clean_to[PATH_MAX_BYTES + 1];
    TRY(path_clean(from, clean_from, err));
    TRY(path_clean(to, clean_to, err));
    struct call step = *call; /* one key stands for the whole; steps of it must not replay one another */
    step.idempotency_key = NULL;
    struct tree_work w = {.fs = fs, .call = &step, .from = clean_from, .to = clean_to, .copy = o};
    struct read_plan plan = {0};
    struct read_options ro = {.sync_interval_ms = -2, .access = FS_READ};
    TRY(meta->stat(meta->impl, call, clean_from, &ro, &plan, err));
    int rc;
    if (plan.info.inode.type == INODE_DIRECTORY) {
        rc = copy_tree(&w, err);
    } else {
        rc = copy_file(fs, call, &plan, clean_to, o, err);
        w.files++;
        w.bytes += plan.content.length;
    }
    read_plan_done(&plan);
    call_effect(call, "info", "files_copied", w.files, w.bytes);
    return rc;
}

static int load_path(struct tree_work *w, const char *path, struct err *err)
{
    const struct meta_api *meta = w->fs->parts.meta;
    const struct data_api *data = w->fs->parts.data;
    struct read_plan plan = {0};
    struct read_options o = {.sync_interval_ms = -2, .access = FS_READ};
    TRY(meta->stat(meta->impl, w->call, path, &o, &plan, err));
    int rc = 0;
    if (plan.info.inode.type == INODE_FILE && plan.content.length) {
        rc = w->call->is_dry_run ? 0 : data->load(data->impl, w->call, &plan.content, 0, plan.content.length, err);
        w->files++;
        w->bytes += plan.content.length;
    }
    read_plan_done(&plan);
    return rc;
}

static int load_entry(void *arg, const char *name, bool is_directory, struct err *err)
{
    struct tree_work *w = arg;
    char path[PATH_MAX_BYTES + 1];
    if (is_directory)
        return 0;
    TRY(path_join(w->from, name, path, err));
    return load_path(w, path, err);
}

int fs_load(struct fs *fs, const struct call *call, const char *path, bool is_recursive, struct err *err)
{
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(path, clean, err));
    struct tree_work w = {.fs = fs, .call = call, .from = clean};
    int rc = load_path(&w, clean, err);
    if (rc == 0 && is_recursive)
        rc = each_below(fs, call, clean, load_entry, &w, err);
    call_effect(call, "info", "files_loaded", w.files, w.bytes);
    return rc;
}
