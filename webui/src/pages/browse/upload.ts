// SPDX-License-Identifier: Apache-2.0
// upload: the queue of files on their way up. Three at a time; it outlives the page that started it; a session that ends
// in the middle waits for the sign-in dialog. Counters change at most five times a second.
import { errorOf, files, headersOf, isOffline, note, pathOf, sawChange, newKey, signInAgain, type Call } from '../../api';
import { store } from '../../store';

export type UploadState = 'waiting' | 'active' | 'done' | 'failed' | 'exists' | 'cancelled';
export interface Upload { id: number; path: string; file: File; loaded: number; state: UploadState; error: string; overwrite: boolean; xhr?: XMLHttpRequest }
export interface Picked { path: string; file: File }

const AT_ONCE = 3;
const all: Upload[] = [];
export const uploads = store<readonly Upload[]>([]);
let ids = 0, timer = 0;
let rule: 'ask' | 'replace' | 'skip' = 'ask';

function tell(isNow = false): void {
  if (isNow) { clearTimeout(timer); timer = 0; uploads.set([...all]); return; }
  timer ||= window.setTimeout(() => { timer = 0; uploads.set([...all]); }, 200);
}

const isBusy = (): boolean => all.some(u => u.state === 'active' || u.state === 'waiting');
addEventListener('beforeunload', e => { if (isBusy()) e.preventDefault(); });

export function add(folder: string, picked: Picked[]): void {
  if (!isBusy()) rule = 'ask';
  for (const { path, file } of picked)
    all.push({ id: ++ids, path: folder === '/' ? `/${path}` : `${folder}/${path}`, file, loaded: 0, state: 'waiting', error: '', overwrite: false });
  next();
}

function next(): void {
  const free = AT_ONCE - all.filter(u => u.state === 'active').length;
  for (const u of all.filter(x => x.state === 'waiting').slice(0, Math.max(0, free))) start(u);
  tell(true);
}

function start(u: Upload): void {
  const call: Call = { method: 'PUT', path: files(u.path), query: { content: true, recursive: true, overwrite: u.overwrite || undefined }, key: newKey() };
  const xhr = new XMLHttpRequest(), began = performance.now();
  u.xhr = xhr;
  u.state = 'active';
  u.loaded = 0;
  xhr.open(call.method, pathOf(call));
  for (const [name, value] of Object.entries(headersOf(call))) xhr.setRequestHeader(name, value);
  xhr.setRequestHeader('Content-Type', u.file.type || 'application/octet-stream');
  xhr.upload.onprogress = e => { u.loaded = e.loaded; tell(); };
  xhr.onload = () => { note(call, xhr.status, began, xhr.getResponseHeader('X-Request-Id') ?? ''); ended(u, xhr); };
  xhr.onerror = () => { isOffline.set(true); fail(u, 'offline'); };
  xhr.send(u.file);
}

function ended(u: Upload, xhr: XMLHttpRequest): void {
  if (xhr.status === 401) {
    u.state = 'waiting';
    tell(true);
    void signInAgain().then(next);
    return;
  }
  if (xhr.status < 300) {
    u.state = 'done';
    u.loaded = u.file.size;
    sawChange(xhr.getResponseHeader('X-Isthmus-Index'));
    next();
    return;
  }
  const error = errorOf(xhr.status, xhr.responseText, '');
  if (error.code === 'already_exists') exists(u);
  else fail(u, error.message);
}

function exists(u: Upload): void {
  if (rule === 'replace') { u.overwrite = true; u.state = 'waiting'; }
  else u.state = rule === 'skip' ? 'cancelled' : 'exists';
  next();
}

function fail(u: Upload, why: string): void {
  u.state = 'failed';
  u.error = why;
  next();
}

export function cancel(u: Upload): void {
  u.xhr?.abort();
  u.state = 'cancelled';
  next();
}

export function retry(u: Upload): void { u.state = 'waiting'; next(); }

export function replace(u: Upload): void { u.overwrite = true; retry(u); }

// "a.csv" → "a (2).csv"
export function keepBoth(u: Upload): void {
  const m = /^(.*?)(?: \((\d+)\))?(\.[^./]*)?$/.exec(u.path);
  if (m) u.path = `${m[1]} (${Number(m[2] ?? 1) + 1})${m[3] ?? ''}`;
  retry(u);
}

export function forAll(what: 'replace' | 'skip'): void {
  rule = what;
  for (const u of all) if (u.state === 'exists') { u.overwrite = what === 'replace'; u.state = what === 'replace' ? 'waiting' : 'cancelled'; }
  next();
}

export function clear(): void {
  for (let i = all.length - 1; i >= 0; i--) if (!['active', 'waiting'].includes(all[i]?.state ?? '')) all.splice(i, 1);
  tell(true);
}

// ---- what was dropped or picked: files with their path below the folder ----

const entriesOf = (dir: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> => new Promise((resolve, reject) => {
  const reader = dir.createReader(), found: FileSystemEntry[] = [];
  const more = () => reader.readEntries(part => { if (part.length) { found.push(...part); more(); } else resolve(found); }, reject);
  more();
});

async function walk(e: FileSystemEntry, to: Picked[]): Promise<void> {
  if (e.isFile) to.push({ path: e.fullPath.replace(/^\//, ''), file: await new Promise<File>((ok, no) => (e as FileSystemFileEntry).file(ok, no)) });
  else for (const child of await entriesOf(e as FileSystemDirectoryEntry)) await walk(child, to);
}

export async function dropped(data: DataTransfer): Promise<Picked[]> {
  const found: Picked[] = [];
  const entries = [...data.items].map(i => i.webkitGetAsEntry()).filter(e => e !== null);
  for (const e of entries) await walk(e, found);
  return found;
}

export const picked = (list: FileList | null): Picked[] => [...list ?? []].map(file => ({ path: file.webkitRelativePath || file.name, file }));
