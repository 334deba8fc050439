/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas: the tables.
 */
#include "rest/v1/schema.h"

#include "base/log.h"

#define STR FIELD_TYPE_STRING
#define INT FIELD_TYPE_INT
#define BOOL FIELD_TYPE_BOOL
#define TIME FIELD_TYPE_TIME
#define ID FIELD_TYPE_ID
#define PATH FIELD_TYPE_PATH
#define MODE FIELD_TYPE_MODE
#define TTL FIELD_TYPE_TTL
#define REQ FIELD_REQUIRED
#define NUL FIELD_NULLABLE
#define OBJECT(n, ...)                                                                             \
    static const struct field fields_##n[] = {__VA_ARGS__, {0}};                                   \
    const struct schema schema_##n = {#n, SCHEMA_OBJECT, fields_##n};
#define WRITE_TYPES "MUST_CACHE|CACHE_THROUGH|THROUGH|ASYNC_THROUGH|NONE"
#define OR(name) #name "|"
#define ROLES "viewer|operator|admin"
#define FRESHNESS "never|interval|manual"
#define STORE_MODES "noAccess|readOnly|readWrite"

const struct schema schema_none = {"none", SCHEMA_NONE, NULL};
const struct schema schema_any = {"any", SCHEMA_ANY, NULL};
const struct schema schema_bytes = {"bytes", SCHEMA_BYTES, NULL};

/* ---- answers ---- */
OBJECT(error, {"code", STR, REQ, NULL, "Name of the error", NULL}, {"message", STR, REQ, NULL, "What and why", NULL},
       {"detail", STR, REQ, NULL, "The error in general", NULL}, {"field", STR, 0, NULL, "Member, parameter or header that is wrong", NULL},
       {"request_id", STR, REQ, NULL, "As in the log", NULL})
OBJECT(health, {"status", STR, REQ, "ok|starting", "ok when it serves", NULL})
OBJECT(change, {"index", ID, REQ, NULL, "Journal index at which the change is applied", NULL},
       {"effects", FIELD_TYPE_ANY, REQ, NULL, "What was done: severity, code, count, bytes", NULL},
       {"task", ID, REQ | NUL, NULL, "Task that goes on in the background", NULL})
OBJECT(session, {"user", STR, REQ, NULL, "Name", NULL}, {"role", STR, REQ, ROLES, "Role", NULL},
       {"groups", FIELD_TYPE_STRINGS, REQ, NULL, "Groups", NULL},
       {"csrf", STR, REQ | NUL, NULL, "Value for X-CSRF-Token; null without a session", NULL},
       {"must_change_password", BOOL, REQ, NULL, "The password is the one-time one", NULL},
       {"cluster", FIELD_TYPE_ANY, REQ, NULL, "node and version", NULL})
OBJECT(entry, {"id", ID, REQ, NULL, "Inode id", NULL}, {"path", STR, REQ, NULL, "Absolute path", NULL},
       {"name", STR, REQ, NULL, "Last component", NULL}, {"type", STR, REQ, "file|directory|symlink", "Type", NULL},
       {"length", INT, REQ, NULL, "Bytes", NULL}, {"mode", STR, REQ, NULL, "Octal", NULL},
       {"owner", STR, REQ, NULL, "User", NULL}, {"group", STR, REQ, NULL, "Group", NULL},
       {"created", TIME, REQ | NUL, NULL, "Creation", NULL}, {"modified", TIME, REQ | NUL, NULL, "Modification", NULL},
       {"accessed", TIME, REQ | NUL, NULL, "Last access", NULL}, {"completed", BOOL, REQ, NULL, "Written whole", NULL},
       {"persistence", STR, REQ, "NOT_PERSISTED|TO_BE_PERSISTED|PERSISTED|LOST", "In its store?", NULL},
       {"pinned", BOOL, REQ, NULL, "Itself or by a directory above", NULL},
       {"cached_bytes", INT, REQ, NULL, "Bytes in any tier", NULL}, {"cached_mem_bytes", INT, REQ, NULL, "Bytes in tier MEM", NULL},
       {"block_size", INT, REQ, NULL, "Bytes", NULL}, {"ttl", TTL, REQ | NUL, NULL, "after_ms and action", NULL},
       {"replication_min", INT, REQ, NULL, "Copies at least", NULL}, {"replication_max", INT, REQ, NULL, "Copies at most, -1 any", NULL},
       {"mount_point", BOOL, REQ, NULL, "A mount begins here", NULL}, {"mount_id", INT, REQ, NULL, "Mount", NULL},
       {"verified", TIME, REQ | NUL, NULL, "When it was last compared with the store", NULL},
       {"children", INT, REQ | NUL, NULL, "Entries of a directory", NULL}, {"etag", STR, REQ, NULL, "For If-Match", NULL},
       {"extended_acl", BOOL, REQ, NULL, "Has more than owner, group, other", NULL},
       {"ufs_path", STR, NUL, NULL, "Where it lies in the store", NULL}, {"store_etag", STR, NUL, NULL, "The store's fingerprint", NULL},
       {"target", STR, NUL, NULL, "Of a symbolic link", NULL})
#define LIST_FIELDS(item)                                                                          \
    {"items", FIELD_TYPE_ITEMS, REQ, NULL, "Page", item}, {"next_cursor", STR, REQ | NUL, NULL, "For ?cursor=; null at the end", NULL}, \
        {"total", INT, REQ | NUL, NULL, "Number in all", NULL}, {"as_of_index", ID, REQ, NULL, "Journal index of the view", NULL}
OBJECT(listing, LIST_FIELDS(&schema_entry), {"path", STR, REQ, NULL, "The directory", NULL},
       {"verified", TIME, REQ | NUL, NULL, "When it was last compared with the store", NULL},
       {"checking", BOOL, REQ, NULL, "A comparison runs beside", NULL})
OBJECT(acl, {"owner", STR, REQ, NULL, "User", NULL}, {"group", STR, REQ, NULL, "Group", NULL}, {"entries", FIELD_TYPE_STRINGS, REQ, NULL, "user:ann:rw- …", NULL})
OBJECT(usage, {"files", INT, REQ, NULL, "Files", NULL}, {"directories", INT, REQ, NULL, "Directories", NULL},
       {"bytes", INT, REQ, NULL, "Length of all files", NULL}, {"cached_bytes", INT, REQ, NULL, "Of them cached", NULL})
OBJECT(session_item, {"id", STR, REQ, NULL, "Id", NULL}, {"user", STR, REQ, NULL, "Who", NULL}, {"from", STR, REQ, NULL, "Address", NULL},
       {"created", TIME, REQ | NUL, NULL, "Signed in", NULL}, {"last_used", TIME, REQ | NUL, NULL, "Last request", NULL},
       {"current", BOOL, REQ, NULL, "The one of this request", NULL})
OBJECT(sessions, LIST_FIELDS(&schema_session_item))
OBJECT(user_item, {"name", STR, REQ, NULL, "Name", NULL}, {"role", STR, REQ, ROLES, "Role", NULL}, {"groups", FIELD_TYPE_STRINGS, REQ, NULL, "Groups", NULL},
       {"created", TIME, REQ | NUL, NULL, "Made", NULL}, {"last_seen", TIME, REQ | NUL, NULL, "Last request", NULL}, {"disabled", BOOL, REQ, NULL, "May not sign in", NULL})
OBJECT(users, LIST_FIELDS(&schema_user_item))
OBJECT(token_item, {"id", STR, REQ, NULL, "Id", NULL}, {"label", STR, REQ, NULL, "What it is for", NULL}, {"user", STR, REQ, NULL, "Whose", NULL},
       {"scope", STR, REQ, NULL, "Path below which it works", NULL}, {"role", STR, REQ, ROLES, "Role", NULL}, {"read_only", BOOL, REQ, NULL, "May not change anything", NULL},
       {"created", TIME, REQ | NUL, NULL, "Made", NULL}, {"expires", TIME, REQ | NUL, NULL, "End of its life", NULL}, {"last_used", TIME, REQ | NUL, NULL, "Last request", NULL})
OBJECT(tokens, LIST_FIELDS(&schema_token_item))
OBJECT(token_made, {"id", STR, REQ, NULL, "Id", NULL}, {"token", STR, REQ | NUL, NULL, "The secret, shown once; null in the answer to a retry", NULL},
       {"index", ID, REQ, NULL, "Journal index at which it works", NULL})
OBJECT(mount_item, {"id", INT, REQ, NULL, "Mount", NULL}, {"path", STR, REQ, NULL, "Where it appears", NULL}, {"uri", STR, REQ, NULL, "The store", NULL},
       {"kind", STR, REQ, NULL, "Driver", NULL}, {"read_only", BOOL, REQ, NULL, "Refuses changes", NULL}, {"shared", BOOL, REQ, NULL, "Everybody may use it", NULL},
       {"mode", STR, REQ, STORE_MODES, "Mode of its store", NULL}, {"freshness", STR, REQ, FRESHNESS, "When it is compared with the store", NULL},
       {"interval_ms", INT, REQ, NULL, "Age allowed for freshness interval; -1 with the others", NULL}, {"options", FIELD_TYPE_OBJECT, REQ, NULL, "Options; secrets are ******", NULL},
       {"total_bytes", INT, REQ, NULL, "Of the store; -1 when it does not say", NULL}, {"used_bytes", INT, REQ, NULL, "Of them used; -1 when it does not say", NULL},
       {"health", STR, REQ, NULL, "How the last calls went", NULL}, {"calls", INT, REQ, NULL, "Calls of the store since the start", NULL}, {"errors", INT, REQ, NULL, "Of them failed", NULL},
       {"bytes_read", INT, REQ, NULL, "From the store", NULL}, {"bytes_written", INT, REQ, NULL, "To the store", NULL},
       {"last_error", STR, REQ | NUL, NULL, "Text", NULL}, {"last_error_at", TIME, REQ | NUL, NULL, "When", NULL}, {"last_check", TIME, REQ | NUL, NULL, "Last probe", NULL},
       {"etag", STR, REQ, NULL, "For If-Match", NULL})
OBJECT(mounts, LIST_FIELDS(&schema_mount_item))
OBJECT(mount_test, {"ok", BOOL, REQ, NULL, "All steps passed", NULL}, {"steps", FIELD_TYPE_ANY, REQ, NULL, "step, state, ms, error", NULL})

/* ---- bodies ---- */
OBJECT(credentials, {"name", STR, REQ, NULL, "User name", NULL}, {"password", STR, REQ, NULL, "Password", NULL})
OBJECT(acl_change, {"action", STR, REQ, "set|modify|remove|remove_all|remove_default", "What to do", NULL},
       {"entries", FIELD_TYPE_STRINGS, 0, NULL, "[default:]user|group|mask|other:NAME:rwx", NULL},
       {"recursive", BOOL, 0, NULL, "Everything below too", NULL})
OBJECT(make, {"type", STR, REQ, "directory|symlink", "What to make", NULL}, {"target", STR, 0, NULL, "Of a symbolic link", NULL},
       {"recursive", BOOL, 0, NULL, "Make parents", NULL}, {"allow_exists", BOOL, 0, NULL, "A directory that exists is fine", NULL},
       {"mode", MODE, 0, NULL, "Octal", NULL}, {"write_type", STR, 0, WRITE_TYPES, "With THROUGH it is made in the store too", NULL},
       {"ttl", TTL, NUL, NULL, "{after_ms, action}", NULL})
OBJECT(attributes, {"owner", STR, 0, "1..255", "User", NULL}, {"group", STR, 0, "1..255", "Group", NULL}, {"mode", MODE, 0, NULL, "Octal", NULL},
       {"pinned", BOOL, 0, NULL, "Keep cached", NULL}, {"ttl", TTL, NUL, NULL, "{after_ms, action}; null removes", NULL},
       {"replication_min", INT, 0, "0..100", "Copies at least", NULL}, {"replication_max", INT, 0, "-1..100", "Copies at most", NULL},
       {"modified", TIME, 0, NULL, "Modification time", NULL}, {"accessed", TIME, 0, NULL, "Access time", NULL},
       {"xattrs", FIELD_TYPE_OBJECT, 0, NULL, "Name to base64, or null to remove", NULL}, {"recursive", BOOL, 0, NULL, "Everything below too", NULL})
OBJECT(rename, {"to", PATH, REQ, NULL, "New path", NULL}, {"overwrite", BOOL, 0, NULL, "Replace a file", NULL})
OBJECT(copy, {"to", PATH, REQ, NULL, "Target path", NULL}, {"overwrite", BOOL, 0, NULL, "Replace files", NULL},
       {"recursive", BOOL, 0, NULL, "A whole tree", NULL}, {"write_type", STR, 0, WRITE_TYPES, "Of the copies", NULL})
OBJECT(free, {"recursive", BOOL, 0, NULL, "A whole tree", NULL}, {"forced", BOOL, 0, NULL, "Pinned files too", NULL})
OBJECT(recursive, {"recursive", BOOL, 0, NULL, "A whole tree", NULL})
OBJECT(persist, {"wait", BOOL, 0, NULL, "Answer when it is done", NULL})
OBJECT(load_metadata, {"recursive", BOOL, 0, NULL, "A whole tree", NULL}, {"forced", BOOL, 0, NULL, "Even if just done", NULL})
OBJECT(check, {"repair", BOOL, 0, NULL, "Take the store's state", NULL})
#define MOUNT_FIELDS                                                                         \
    {"options", FIELD_TYPE_OBJECT, 0, NULL, "Options of the store; ****** keeps a secret", NULL},  \
        {"read_only", BOOL, 0, NULL, "Refuse changes", NULL}, {"shared", BOOL, 0, NULL, "Everybody may use it", NULL}, \
        {"freshness", STR, 0, FRESHNESS, "When to compare with the store", NULL},    \
        {"interval_ms", INT, 0, "-1..", "Age allowed for freshness interval; -1 with the others", NULL}
OBJECT(mount, {"path", PATH, REQ, NULL, "Where it appears", NULL}, {"uri", STR, REQ, "1..", "s3://bucket/dir, file:///dir …", NULL}, MOUNT_FIELDS)
OBJECT(mount_change, MOUNT_FIELDS)
OBJECT(store_mode, {"ufs_root", STR, REQ, "1..", "Scheme and authority", NULL}, {"mode", STR, REQ, STORE_MODES, "Mode", NULL})
#define USER_FIELDS(need)                                                                          \
    {"password", STR, need, "10..256", "At least 10 characters", NULL}, {"role", STR, 0, ROLES, "Role", NULL}, \
        {"groups", FIELD_TYPE_GROUPS, 0, NULL, "Groups", NULL}
OBJECT(user, {"name", FIELD_TYPE_NAME, REQ, NULL, "Name", NULL}, USER_FIELDS(REQ))
OBJECT(user_change, USER_FIELDS(0), {"old_password", STR, 0, NULL, "To change the own password", NULL}, {"disabled", BOOL, 0, NULL, "May not sign in", NULL})
OBJECT(token, {"label", STR, REQ, "1..200", "What it is for", NULL}, {"role", STR, 0, ROLES, "At most the own", NULL},
       {"scope", PATH, 0, NULL, "Path below which it works", NULL}, {"read_only", BOOL, 0, NULL, "May not change anything", NULL},
       {"expires", TIME, NUL, NULL, "End of its life", NULL})
OBJECT(backup, {"passphrase", STR, REQ, "8..", "Seals the backup; at least 8 characters", NULL})
OBJECT(config_change, {"values", FIELD_TYPE_OBJECT, REQ, NULL, "Key to value", NULL})
OBJECT(path_conf, {"path", PATH, REQ, NULL, "Path", NULL}, {"key", STR, REQ, "1..", "Setting", NULL}, {"value", STR, NUL, NULL, "Value; null removes", NULL})
OBJECT(log_level, {"subsystem", STR, REQ, LOG_SUBSYSTEMS(OR) "all", "Name, or all", NULL}, {"level", STR, REQ, "ERROR|WARN|INFO|DEBUG", "Level", NULL})

/* ---- queries ---- */
OBJECT(dry, {"dry_run", BOOL, 0, NULL, "Say what would happen, change nothing", NULL})
#define SYNC_FIELD {"sync_interval_ms", INT, 0, "-2..", "Age of the last comparison allowed: -2 the mount's contract, -1 any, 0 compare first", NULL}
OBJECT(stat, SYNC_FIELD)
OBJECT(list, {"list", STR, 0, NULL, "Selects the listing", NULL}, {"limit", INT, 0, "1..10000", "Entries at most", NULL}, {"cursor", STR, 0, NULL, "From next_cursor", NULL},
       {"offset", INT, 0, "0..", "Position in name order", NULL}, {"prefix", STR, 0, NULL, "Names start with it", NULL},
       {"recursive", BOOL, 0, NULL, "Depth first", NULL}, SYNC_FIELD)
OBJECT(content_get, {"content", STR, 0, NULL, "Selects the bytes", NULL}, {"download", BOOL, 0, NULL, "Adds Content-Disposition", NULL},
       {"read_type", STR, 0, "NO_CACHE|CACHE|CACHE_PROMOTE", "Whether a copy stays in the cache", NULL}, SYNC_FIELD)
OBJECT(content_put, {"content", STR, 0, NULL, "Selects the bytes", NULL}, {"overwrite", BOOL, 0, NULL, "Replace a file", NULL}, {"recursive", BOOL, 0, NULL, "Make parents", NULL},
       {"write_type", STR, 0, WRITE_TYPES, "Where it is written", NULL}, {"mode", MODE, 0, NULL, "Octal", NULL},
       {"block_size", INT, 0, "1048576..1073741824", "Bytes", NULL}, {"modified", TIME, 0, NULL, "Modification time", NULL}, {"dry_run", BOOL, 0, NULL, "Check only", NULL})
OBJECT(remove, {"recursive", BOOL, 0, NULL, "A whole tree", NULL}, {"only_here", BOOL, 0, NULL, "Leave the store alone", NULL},
       {"unchecked", BOOL, 0, NULL, "Do not compare with the store first", NULL}, {"with_mount_points", BOOL, 0, NULL, "Unmount what is below", NULL},
       {"dry_run", BOOL, 0, NULL, "Say what would happen", NULL})
OBJECT(changes, {"from", ID, REQ, NULL, "Index after which to start", NULL}, {"wait_ms", INT, 0, "0..30000", "Wait for the first", NULL})
OBJECT(config, {"key", STR, 0, NULL, "One setting only", NULL})
OBJECT(logs, {"lines", INT, 0, "1..10000", "Number of lines", NULL})

const struct schema *const schemas[] = {
#define X(name) &schema_##name,
    SCHEMAS(X)
#undef X
        NULL};
