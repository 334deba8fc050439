// SPDX-License-Identifier: Apache-2.0
// data: hooks that read. What was seen before is shown at once with its age; a change made here reads again.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, changes, get, isExpired, type Query, send, type Call } from '../api';
import { store, useStore } from '../store';
import { asError } from './states';

const KEPT = 200;
const seen = new Map<string, unknown>();
const readAt = new Map<string, number>(); // so that two readers of the same do not ask twice

function keep(key: string, value: unknown): void {
  seen.delete(key);
  seen.set(key, value);
  readAt.set(key, Date.now());
  for (const old of seen.keys()) {
    if (seen.size <= KEPT) break;
    seen.delete(old);
    readAt.delete(old);
  }
}

export interface Fetched<T> { data: T | undefined; error: ApiError | undefined; reload: () => void }

export function useFetch<T>(path: string | null, query?: Query, everyMs = 0): Fetched<T> {
  const key = path ? path + JSON.stringify(query ?? {}) : '';
  const [, redraw] = useState(0);
  const [nonce, setNonce] = useState(0);
  const error = useRef<{ key: string; error: ApiError | undefined }>({ key, error: undefined });
  const change = useStore(changes);
  useEffect(() => {
    if (!path) return;
    const abort = new AbortController();
    let timer = 0;
    const read = async () => {
      try {
        keep(key, await get<T>(path, query, abort.signal));
        error.current = { key, error: undefined };
      } catch (e) {
        if (abort.signal.aborted) return;
        error.current = { key, error: asError(e) };
      }
      if (abort.signal.aborted) return;
      redraw(n => n + 1);
      if (everyMs) timer = window.setTimeout(again, everyMs);
    };
    const again = () => {
      const age = Date.now() - (readAt.get(key) ?? 0);
      if (!document.hidden && !isExpired.get() && age > everyMs * 0.7) { void read(); return; }
      redraw(n => n + 1);
      timer = window.setTimeout(again, everyMs);
    };
    void read();
    return () => { abort.abort(); clearTimeout(timer); };
  }, [key, nonce, change]);
  const reload = useCallback(() => setNonce(n => n + 1), []);
  return { data: seen.get(key) as T | undefined, error: error.current.key === key ? error.current.error : undefined, reload };
}

export function forget(): void {
  seen.clear();
  readAt.clear();
}

// What the shell shows of the page: title, one line of facts, state for tests.
export interface PageInfo { title: string; facts: string; state: 'loading' | 'ready' | 'error' | 'empty' | 'denied' }
export const pageInfo = store<PageInfo>({ title: '', facts: '', state: 'loading' });

export function usePage(title: string, facts: string, state: PageInfo['state']): void {
  useLayoutEffect(() => {
    pageInfo.set({ title, facts, state });
    document.title = `${title} · Isthmus`;
  }, [title, facts, state]);
}

export const stateOf = (f: Fetched<unknown>): PageInfo['state'] =>
  f.data !== undefined ? 'ready' : f.error ? (f.error.status === 403 ? 'denied' : 'error') : 'loading';

// One action: busy while it runs, its error kept for the place where the button is.
export function useAction(): { busy: boolean; error: ApiError | undefined; run: (job: () => Promise<void>) => void; clear: () => void } {
  const [state, setState] = useState<{ busy: boolean; error?: ApiError }>({ busy: false });
  const run = (job: () => Promise<void>) => {
    setState({ busy: true });
    job().then(() => setState({ busy: false }), e => setState({ busy: false, error: asError(e) }));
  };
  return { busy: state.busy, error: state.error, run, clear: () => setState({ busy: false }) };
}

// The dry run of a change, made when a dialog opens.
export function useDryRun<T>(calls: Call[]): { data: T[] | undefined; error: ApiError | undefined } {
  const [state, setState] = useState<{ data?: T[]; error?: ApiError }>({});
  const key = JSON.stringify(calls);
  useEffect(() => {
    let isOver = false;
    Promise.all(calls.map(c => send<T>({ ...c, query: { ...c.query, dry_run: true } })))
      .then(data => { if (!isOver) setState({ data }); }, e => { if (!isOver) setState({ error: asError(e) }); });
    return () => { isOver = true; };
  }, [key]);
  return { data: state.data, error: state.error };
}
