// SPDX-License-Identifier: Apache-2.0
// types: what the REST API answers, as far as the pages use it (docs/rest.md).
export interface List<T> { items: T[]; next_cursor: string | null; total: number | null; as_of_index: string }
export interface Session {
  user: string; role: Role; groups: string[]; csrf: string | null; must_change_password: boolean;
  cluster: { node: string; version: string };
}
export type Role = 'viewer' | 'operator' | 'admin';
export interface Entry {
  id: string; path: string; name: string; type: 'file' | 'directory' | 'symlink'; length: number; mode: string; owner: string; group: string;
  created: string | null; modified: string | null; accessed: string | null; completed: boolean;
  persistence: 'NOT_PERSISTED' | 'TO_BE_PERSISTED' | 'PERSISTED' | 'LOST'; pinned: boolean; cached_bytes: number; cached_mem_bytes: number;
  block_size: number; ttl: { after_ms: number; action: string } | null; replication_min: number; replication_max: number;
  mount_point: boolean; mount_id: number; ufs_path?: string | null; store_etag?: string | null; verified: string | null;
  children: number | null; etag: string; extended_acl: boolean; target?: string | null;
}
export interface Listing extends List<Entry> { path: string; verified: string | null; checking: boolean }
export interface Effect { severity: string; code: string; count: number; bytes: number }
export interface Change { index?: string; dry_run?: boolean; effects: Effect[]; task?: string | null }
export interface Mount {
  id: number; path: string; uri: string; kind: string; read_only: boolean; shared: boolean; mode: MountMode;
  freshness: Freshness; interval_ms: number; options: Record<string, string>; total_bytes: number; used_bytes: number;
  health: 'ok' | 'failing' | 'unknown'; calls: number; errors: number; bytes_read: number; bytes_written: number;
  last_error: string | null; last_error_at: string | null; last_check: string | null; etag: string;
}
export type MountMode = 'readWrite' | 'readOnly' | 'noAccess';
export type Freshness = 'never' | 'interval' | 'manual';
export interface Kind { kind: string; label: string; schemes: string[] | string; fields: KindField[] }
export interface KindField { name: string; type: string; default: string | null; choices: string[] | string | null; required: boolean; help: string | null }
export interface TestStep { step: string; state: 'ok' | 'failed' | 'skipped'; ms: number; error?: { code: string; message: string; field: string | null } }
export interface MountTest { ok: boolean; steps: TestStep[] }
export interface Tier {
  alias: string; path: string; quota_bytes: number; used_bytes: number; pinned_bytes: number; dirty_bytes: number; ok: boolean; failure: string | null;
}
export interface Worker {
  name: string; state: string; started: string | null; tiers: Tier[]; blocks: number; pages: number; hits: number; misses: number;
  evicted_pages: number; bad_pages: number; bytes_from_cache: number; bytes_from_store: number; bytes_written: number;
}
export interface Journal {
  state: string; engine: string; term: number; last_index: string; applied_index: string; durable_index: string; snapshot_index: string;
  entries_since_checkpoint: number; log_bytes: number; disk_bytes: number; database_bytes: number; wal_bytes: number; last_checkpoint: string | null;
}
export interface Overview {
  node: string; version: string; worker: Worker; journal: Journal;
  namespace: { inodes: number; files: number; directories: number; to_persist: number; pinned: number; lost: number };
  attention: { code: string; subject: string; text: string }[];
}
export interface Task { id: string; kind: string; path: string; state: string; done: number; total: number; error: string | null; started: string | null }
export interface Setting {
  key: string; value: string; default: string; type: string; bounds: string | null; source: string; live: boolean; path_scope: boolean; help: string;
}
export interface User { name: string; role: Role; groups: string[]; created: string | null; last_seen: string | null; disabled: boolean }
export interface Token {
  id: string; label: string; user: string; scope: string | null; role: Role; read_only: boolean; created: string | null; expires: string | null; last_used: string | null;
}
export interface SessionInfo { id: string; user: string; from: string; created: string | null; last_used: string | null; current: boolean }
