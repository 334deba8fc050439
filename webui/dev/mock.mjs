// SPDX-License-Identifier: Apache-2.0
// mock: a stand-in for the daemon while pages are drawn: a namespace in memory, user admin, password "password".
//   node dev/mock.mjs [PORT]   (also serves ../dist at /ui/ with the daemon's content security policy)
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';

const port = Number(process.argv[2] ?? 19998), dist = new URL('../dist/', import.meta.url);
const CSP = "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const now = () => new Date().toISOString();
let index = 4711, ids = 100, signedIn = false;
const tree = new Map();

function put(path, type, bytes = Buffer.alloc(0), more = {}) {
  const cached = Math.round(bytes.length * (more.cached ?? 1));
  tree.set(path, { bytes, e: { id: String(++ids), path, name: path.split('/').pop(), type, length: bytes.length, mode: type === 'file' ? '644' : '755', owner: 'admin', group: 'staff',
    created: now(), modified: now(), accessed: now(), completed: true, persistence: 'PERSISTED', pinned: false, cached_bytes: cached, cached_mem_bytes: Math.round(cached / 2), block_size: 67108864, ttl: null,
    replication_min: 0, replication_max: -1, mount_point: false, mount_id: 1, verified: now(), children: type === 'directory' ? 0 : null, etag: `"${ids}"`, extended_acl: false, ...more } });
}
put('/', 'directory');
put('/datasets', 'directory', undefined, { mount_point: true, mount_id: 2 });
for (const d of ['2026-09', '2026-10', '2026-11']) put(`/datasets/${d}`, 'directory');
put('/datasets/countries.csv', 'file', Buffer.from('country,code,people\nBrazil,BR,203062512\n"Korea, South",KR,51325329\n'));
put('/datasets/schema.json', 'file', Buffer.from('{"fields":[{"name":"id","type":"int64"}]}'), { cached: 0 });
put('/datasets/notes.md', 'file', Buffer.from('# Notes\n\nWhat came when.\n'), { cached: 0.4, pinned: true });
put('/datasets/events-2026-11-20.parquet', 'file', Buffer.alloc(402000), { persistence: 'TO_BE_PERSISTED' });
put('/datasets/backfill.log', 'file', Buffer.alloc(90000, 'x'), { persistence: 'LOST', cached: 0 });
put('/big', 'directory', undefined, { children: 1281167 });
const BIG = 1281167;

const mount = (id, path, uri, kind, more = {}) => ({ id, path, uri, kind, read_only: false, shared: false, mode: 'readWrite', freshness: 'never', interval_ms: 0, options: {}, total_bytes: -1, used_bytes: -1,
  health: 'ok', calls: 1204, errors: 0, bytes_read: 4.2e9, bytes_written: 1.1e8, last_error: null, last_error_at: null, last_check: now(), etag: `"m${id}"`, ...more });
const mounts = [mount(1, '/', 'file:///var/lib/isthmus/store', 'file', { used_bytes: 3.1e12 }),
  mount(2, '/datasets', 's3://ml-datasets-eu/', 's3', { shared: true, freshness: 'interval', interval_ms: 60000, options: { 's3a.accessKeyId': 'AKIA7L7Q', 's3a.secretKey': '******', 'isthmus.underfs.s3.endpoint': 'https://s3.example.org' } }),
  mount(3, '/exchange', 's3://drop/partner', 's3', { read_only: true, health: 'failing', errors: 42, last_error: 'The store at s3.partner.example.com does not answer: connection timed out after 5 s.', last_error_at: now() })];
const kinds = [{ kind: 'file', label: 'Local folder', schemes: 'file', fields: [{ name: 'isthmus.underfs.local.sync', type: 'bool', default: 'true', choices: null, required: false, help: 'Wait until written files are on the disk.' }] },
  { kind: 's3', label: 'S3', schemes: 's3,s3a', fields: [
    { name: 's3a.accessKeyId', type: 'text', default: null, choices: null, required: false, help: 'Access key. Without one, requests are anonymous.' },
    { name: 's3a.secretKey', type: 'secret', default: null, choices: null, required: false, help: 'Secret of the access key.' },
    { name: 'isthmus.underfs.s3.endpoint', type: 'text', default: null, choices: null, required: false, help: 'Address of the server, such as https://s3.example.org:9000. Empty: Amazon.' },
    { name: 'isthmus.underfs.s3.disable.dns.buckets', type: 'bool', default: null, choices: null, required: false, help: "true: the bucket stands in the path (usual for private stores); false: in the host's name." },
    { name: 'isthmus.underfs.s3.conditional.create', type: 'choice', default: 'auto', choices: 'auto|true|false', required: false, help: 'Create files with If-None-Match. auto: until the server refuses it.' }] }];
const tier = (alias, quota, used, pinned) => ({ alias, path: `/var/${alias}`, quota_bytes: quota, used_bytes: used, pinned_bytes: pinned, dirty_bytes: 0, ok: true, failure: null });
let hits = 91200, served = 5e12;
const overview = () => ({ node: 'isth-m1', version: '0.1.0', namespace: { inodes: 433700123, files: 431000000, directories: 2700123, to_persist: 50, pinned: 12, lost: 1 },
  worker: { name: 'local', state: 'in_service', started: new Date(Date.now() - 864e5).toISOString(), tiers: [tier('MEM', 6.2e11, 4.6e11, 1e11), tier('SSD', 2.2e13, 1.7e13, 4e12)], blocks: 1, pages: 1, hits: (hits += 90), misses: 8000,
    evicted_pages: 0, bad_pages: 0, bytes_from_cache: (served += 5e10 * Math.random()), bytes_from_store: 6e11, bytes_written: 4e9 },
  journal: { state: 'leader', engine: 'raft', term: 3, last_index: String(index), applied_index: String(index), durable_index: String(index), snapshot_index: '4000', entries_since_checkpoint: 711, log_bytes: 8e6, disk_bytes: 9e7, database_bytes: 2.3e8, wal_bytes: 4e6, last_checkpoint: now() },
  attention: [{ code: 'mount_failing', subject: '/exchange', text: mounts[2]?.last_error ?? '' }] });
const list = (items, total = items.length) => ({ items, next_cursor: null, total, as_of_index: String(index) });
const settings = [['isthmus.security.session.idle', '12h', 'duration', true, 'A session ends after this time without a request.'], ['isthmus.master.web.port', '19999', 'int', false, 'Port of the web UI and REST API; 0 lets the system choose.']]
  .map(([key, value, type, live, help]) => ({ key, value, default: value, type, bounds: '', source: 'default', live, path_scope: false, help }));
const who = { user: 'admin', role: 'admin', groups: ['staff'], csrf: 'c', must_change_password: true, cluster: { node: 'isth-m1', version: '0.1.0' } };

class Refusal extends Error { constructor(status, code, message, field) { super(message); Object.assign(this, { status, code, field }); } }
const need = (path) => tree.get(path) ?? (() => { throw new Refusal(404, 'not_found', `Path "${path}" does not exist.`, 'path'); })();
const children = (path) => [...tree.values()].map(x => x.e).filter(e => e.path !== '/' && (e.path.replace(/\/[^/]*$/, '') || '/') === path).sort((a, b) => (a.name < b.name ? -1 : 1));
const shown = (e) => ({ ...e, children: e.type === 'directory' ? e.children || children(e.path).length : null });
const below = (path) => [...tree.keys()].filter(p => p === path || p.startsWith(`${path}/`));
const change = (effects = []) => ({ index: String(++index), effects, task: null });

function bigPage(offset, limit) {
  const page = [];
  for (let i = offset; i < Math.min(BIG, offset + limit); i++) { const name = `img-${String(i).padStart(7, '0')}.jpg`; page.push({ ...need('/datasets/notes.md').e, id: `b${i}`, path: `/big/${name}`, name, length: 110000 + i % 999, cached_bytes: 0, cached_mem_bytes: 0, pinned: false }); }
  return page;
}

function getFile(path, q, res) {
  if (q.has('list')) {
    const offset = Number(q.get('offset') ?? 0), limit = Number(q.get('limit') ?? 1000), meta = { path, verified: now(), checking: false };
    if (path === '/big') return { ...list(bigPage(offset, limit), BIG), ...meta };
    need(path);
    const all = children(path).filter(e => e.name.startsWith(q.get('prefix') ?? '')).map(shown);
    return { ...list(all.slice(offset, offset + limit), q.get('prefix') ? null : all.length), ...meta };
  }
  const { e, bytes } = need(path);
  if (q.has('acl')) return { owner: e.owner, group: e.group, entries: ['user::rw-', 'group::r--', 'other::r--'] };
  if (!q.has('content')) return { ...shown(e), ufs_path: `s3://ml-datasets-eu${path}`, store_etag: '9f1ce07a' };
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', ...(q.has('download') ? { 'Content-Disposition': 'attachment' } : {}) }).end(bytes);
  return undefined;
}

function changeFile(method, path, verb, q, body, raw) {
  if (method === 'PUT') {
    if (tree.has(path) && !q.has('overwrite')) throw new Refusal(409, 'already_exists', `Path "${path}" exists already.`, 'path');
    put(path, q.has('content') ? 'file' : 'directory', q.has('content') ? raw : undefined);
    return need(path).e;
  }
  need(path);
  if (method === 'PATCH') return Object.assign(need(path).e, body);
  if (method === 'DELETE') {
    const gone = below(path), bytes = gone.reduce((n, p) => n + tree.get(p).bytes.length, 0);
    const effects = [{ severity: 'info', code: 'files_removed', count: gone.length, bytes }, { severity: 'loss', code: 'bytes_removed_from_store', count: gone.length, bytes }];
    if (q.has('dry_run')) return { dry_run: true, effects };
    gone.forEach(p => tree.delete(p));
    return change(effects);
  }
  if (verb === 'rename') for (const p of below(path)) { const x = tree.get(p); tree.delete(p); put(body.to + p.slice(path.length), x.e.type, x.bytes); }
  return change();
}

function route(method, path, q, body, raw, res) {
  const m = /^\/files(\/.*?)(?::([a-z-]+))?$/.exec(path);
  if (path === '/session') {
    if (method === 'POST' && body.password !== 'password') throw new Refusal(401, 'unauthenticated', 'The name or the password is wrong.');
    if (method === 'GET' && !signedIn) throw new Refusal(401, 'unauthenticated', 'Sign in.');
    signedIn = method !== 'DELETE';
    return method === 'DELETE' ? change() : who;
  }
  if (!signedIn) throw new Refusal(401, 'unauthenticated', 'Sign in.');
  if (m) { const at = m[1].split('/').map(decodeURIComponent).join('/'); return method === 'GET' ? getFile(at, q, res) : changeFile(method, at, m[2], q, body, raw); }
  if (path === '/mounts:test') return /wrong/.test(JSON.stringify(body)) ? { ok: false, steps: [{ step: 'resolve', state: 'ok', ms: 3 }, { step: 'sign_in', state: 'failed', ms: 31, error: { code: 'store_auth', message: 'The store answered 403 SignatureDoesNotMatch: the secret does not belong to the access key.', field: 's3a.secretKey' } }, { step: 'list', state: 'skipped', ms: 0 }] }
    : { ok: true, steps: ['resolve', 'sign_in', 'list', 'read', 'write'].map(step => ({ step, state: 'ok', ms: 12 })) };
  if (path === '/mounts' && method === 'POST') { const x = mount(++ids, body.path, body.uri, body.uri.split(':')[0], { options: body.options }); mounts.push(x); index++; return x; }
  if (path.startsWith('/mounts/')) {
    if (q.has('dry_run')) return { dry_run: true, effects: [{ severity: 'loss', code: 'unpersisted_files_removed', count: 31, bytes: 2.2e9 }, { severity: 'info', code: 'files_removed', count: 4108, bytes: 4e11 }] };
    const i = mounts.findIndex(x => x.id === Number(path.split('/')[2]));
    if (method === 'DELETE') mounts.splice(i, 1);
    return method === 'DELETE' ? change() : Object.assign(mounts[i], body, { options: mounts[i].options });
  }
  const fixed = { '/mounts': () => list(mounts), '/stores/kinds': () => list(kinds), '/overview': overview, '/config': () => list(settings),
    '/tasks': () => list([{ id: '7', kind: 'load', path: '/datasets/2026-11', state: 'running', done: 312, total: 900, error: null, started: now() }]),
    '/tokens': () => (method === 'POST' ? { id: 't1', token: 'isth_5u2bq8w7c0v9d1e3f4g5' } : list([{ id: 't0', label: 'spark', user: 'admin', scope: '/datasets', role: 'viewer', read_only: true, created: now(), expires: null, last_used: null }])),
    '/users': () => list([{ name: 'admin', role: 'admin', groups: ['staff'], created: now(), last_seen: now(), disabled: false }]), '/sessions': () => list([{ id: 's1', user: 'admin', from: '127.0.0.1', created: now(), last_used: now(), current: true }]),
    '/logs/levels': () => list([{ subsystem: 'journal', level: 'INFO' }]), '/logs': () => list(Array.from({ length: 60 }, (_, i) => `2026-11-21T02:40:${String(i).padStart(2, '0')}.120Z ${['INFO ', 'WARN ', 'ERROR'][i % 9 ? 0 : i % 3]} rest     req=${i}f3a GET /api/v1/overview 200 2 ms`)) }[path];
  if (!fixed) return change();
  return fixed();
}

function page(path, res) {
  let name = path.replace(/^\/ui\/?/, '') || 'index.html', data;
  try { data = readFileSync(new URL(name, dist)); } catch { name = 'index.html'; data = readFileSync(new URL(name, dist)); }
  res.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP }).end(data);
}

createServer((req, res) => {
  const url = new URL(req.url, 'http://localhost'), parts = [];
  if (!url.pathname.startsWith('/api/v1')) { page(url.pathname, res); return; }
  req.on('data', d => parts.push(d)).on('end', () => {
    const raw = Buffer.concat(parts), isJson = req.headers['content-type'] === 'application/json';
    try {
      const answer = route(req.method, url.pathname.slice(7), url.searchParams, isJson && raw.length ? JSON.parse(raw) : {}, raw, res);
      if (answer !== undefined) res.writeHead(200, { 'Content-Type': 'application/json', 'X-Isthmus-Index': String(index), 'X-Request-Id': 'mock' }).end(JSON.stringify(answer));
    } catch (e) {
      res.writeHead(e.status ?? 500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ code: e.code ?? 'internal', message: e.message, detail: '', field: e.field, request_id: 'mock' }));
    }
  });
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ui/`));
