// SPDX-License-Identifier: Apache-2.0
// api: one way to every call. Adds the CSRF header, an idempotency key for each action and the index of the last change;
// turns refusals into ApiError; keeps a log of calls for the REST drawer. On 401 it waits for the sign-in dialog and repeats.
import { store } from './store';
import type { Session } from './types';

export type Query = Record<string, string | number | boolean | undefined>;
export interface Call { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; query?: Query; body?: unknown; headers?: Record<string, string>; key?: string }
export interface CallRecord { id: number; call: Call; status: number; ms: number; requestId: string }

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly detail: string,
    readonly field: string | undefined, readonly requestId: string) {
    super(message);
  }
}

export const BASE = '/api/v1';
export const session = store<Session | null>(null);
export const isExpired = store(false);      // a session ended under the page: the sign-in dialog is open
export const isOffline = store(false);
export const lastAnswer = store(Date.now());
export const changes = store(0);            // grows with each change: pages read again
export const log = store<CallRecord[]>([]);

let index = '';
let records = 0;
let waiting: (() => void)[] = [];

export const files = (path: string, verb = ''): string =>
  `/files${path.split('/').map(encodeURIComponent).join('/')}${verb && `:${verb}`}`;

export function pathOf(call: Call): string {
  const search = Object.entries(call.query ?? {}).filter(([, v]) => v !== undefined && v !== false)
    .map(([k, v]) => v === '' || v === true && (k === 'list' || k === 'content') ? k : `${k}=${encodeURIComponent(String(v))}`).join('&');
  return BASE + call.path + (search && `?${search}`);
}

export const newKey = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `ui-${[...bytes].map(b => b.toString(16).padStart(2, '0')).join('')}`;
};

export function signedIn(s: Session): void {
  session.set(s);
  isExpired.set(false);
  const resume = waiting;
  waiting = [];
  for (const go of resume) go();
}

export function headersOf(call: Call): Record<string, string> {
  const headers: Record<string, string> = { Accept: 'application/json', ...call.headers };
  if (call.body !== undefined) headers['Content-Type'] = 'application/json';
  if (index) headers['X-Isthmus-Index'] = index;
  if (call.method !== 'GET') {
    const csrf = session.get()?.csrf;
    if (csrf) headers['X-CSRF-Token'] = csrf;
    if (call.key) headers['Idempotency-Key'] = call.key;
  }
  return headers;
}

export function note(call: Call, status: number, began: number, requestId: string): void {
  const record = { id: ++records, call, status, ms: Math.round(performance.now() - began), requestId };
  log.set([record, ...log.get()].slice(0, 60));
}

export function sawChange(header: string | null): void {
  if (header && (!index || BigInt(header) > BigInt(index))) index = header;
  changes.set(changes.get() + 1);
}

export function errorOf(status: number, text: string, requestId: string): ApiError {
  try {
    const e = JSON.parse(text) as { code?: string; message?: string; detail?: string; field?: string; request_id?: string };
    return new ApiError(status, e.code ?? 'unknown', e.message ?? text, e.detail ?? '', e.field ?? undefined, e.request_id ?? requestId);
  } catch {
    return new ApiError(status, 'unknown', text.slice(0, 300), '', undefined, requestId);
  }
}

async function once(call: Call, signal?: AbortSignal): Promise<Response> {
  const began = performance.now();
  try {
    const answer = await fetch(pathOf(call), {
      method: call.method, headers: headersOf(call), credentials: 'same-origin',
      body: call.body === undefined ? undefined : JSON.stringify(call.body), signal,
    });
    note(call, answer.status, began, answer.headers.get('X-Request-Id') ?? '');
    isOffline.set(false);
    lastAnswer.set(Date.now());
    return answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    isOffline.set(true);
    throw new ApiError(0, 'offline', 'not sent: no connection', '', undefined, '');
  }
}

// The raw answer of a call; refusals are thrown.
export async function request(call: Call, signal?: AbortSignal): Promise<Response> {
  for (;;) {
    const answer = await once(call, signal);
    if (answer.ok) return answer;
    if (answer.status !== 401 || call.path === '/session' || !session.get())
      throw errorOf(answer.status, await answer.text(), answer.headers.get('X-Request-Id') ?? '');
    await signInAgain();
  }
}

export function signInAgain(): Promise<void> {
  isExpired.set(true);
  return new Promise<void>(go => waiting.push(go));
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return await (await request({ method: 'GET', path, query }, signal)).json() as T;
}

// A change. With dry_run in its query it changes nothing and pages stay as they are.
export async function send<T>(call: Call): Promise<T> {
  const isDry = call.query?.dry_run === true;
  const answer = await request(isDry || call.key ? call : { ...call, key: newKey() });
  const body = answer.status === 204 ? null : await answer.json();
  if (!isDry) sawChange(answer.headers.get('X-Isthmus-Index'));
  return body as T;
}

// The same object as text for a shell; secrets as variables.
export function curlOf(call: Call): string {
  const lines = [`curl${call.method === 'GET' ? '' : ` -X ${call.method}`} '${location.origin}${pathOf(call)}'`,
    '-H "Authorization: Bearer $ISTHMUS_TOKEN"'];
  if (call.body !== undefined) {
    const hide = (name: string, value: unknown) =>
      typeof value === 'string' && value && /password|secret|token|passphrase/i.test(name) ? '$SECRET' : value;
    const text = JSON.stringify(call.body, hide).replaceAll("'", "'\\''").replaceAll('"$SECRET"', `"'"$SECRET"'"`);
    lines.push("-H 'Content-Type: application/json'", `-d '${text}'`);
  }
  return lines.join(' \\\n  ');
}
