// SPDX-License-Identifier: Apache-2.0
// states: loading, empty, error, effects of a change; what a code means in words.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, session } from '../api';
import { size } from '../format';
import { mark, t } from '../i18n';
import type { Effect } from '../types';
import { Button, Status } from './controls';

// What an error means; the server's own words stand beside it.
const MEANING: Record<string, string> = {
  offline: mark('Not sent: there is no connection to the server.'),
  not_found: mark('It does not exist, or not any more.'),
  already_exists: mark('It exists already.'),
  permission_denied: mark('You may not do this.'),
  read_only: mark('The mount is read-only.'),
  busy: mark('Another operation owns it at the moment.'),
  precondition_failed: mark('Someone changed it meanwhile. Read it again before you change it.'),
  no_space: mark('There is no room for it.'),
  rate_limited: mark('Too many attempts. Wait a moment.'),
  unauthenticated: mark('The name or the password is wrong.'),
  store_dns: mark('The name of the store’s host cannot be resolved.'),
  store_unreachable: mark('The store does not answer.'),
  store_tls: mark('The store’s certificate is not accepted.'),
  store_auth: mark('The store does not accept the credentials.'),
  store_denied: mark('The store does not allow it.'),
  store_no_bucket: mark('The store has no such bucket or folder.'),
  store_clock: mark('The clocks of the store and of this machine differ too much.'),
};

export const asError = (e: unknown): ApiError =>
  e instanceof ApiError ? e : new ApiError(0, 'page', e instanceof Error ? e.message : String(e), '', undefined, '');

export const meaningOf = (code: string): string | undefined => { const m = MEANING[code]; return m && t(m); };

export function ErrorBlock({ error, what, retry }: { error: unknown; what?: string; retry?: () => void }) {
  const e = asError(error), meaning = meaningOf(e.code);
  return (
    <div class="block" role="alert" data-testid="error">
      <h3>{what ?? meaning ?? t('The server refused')}</h3>
      {what && meaning && <p>{meaning}</p>}
      {e.code !== 'offline' && <p>{e.message}</p>}
      {e.code === 'permission_denied' && <p class="dim">{t('You are {user}, {role}.', { user: session.get()?.user ?? '', role: session.get()?.role ?? '' })}</p>}
      {e.requestId && <p class="dim2 small">{t('Request {id}', { id: e.requestId })}</p>}
      {retry && <div class="row"><Button icon="refresh" onClick={retry}>{t('Try again')}</Button></div>}
    </div>
  );
}

// Nothing for 150 ms, then grey bars, after 3 s a sentence.
export function Loading({ what, rows = 5 }: { what: string; rows?: number }) {
  const [stage, setStage] = useState(0);
  useEffect(() => {
    const timers = [setTimeout(() => setStage(1), 150), setTimeout(() => setStage(2), 3000)];
    return () => timers.forEach(clearTimeout);
  }, []);
  if (!stage) return null;
  return (
    <div aria-busy="true">
      {Array.from({ length: rows }, (_, i) => <span key={i} class="sk" style={{ width: `${70 - 9 * (i % 4)}%` }} />)}
      {stage === 2 && <p class="dim">{t('Waiting for {what}…', { what })}</p>}
    </div>
  );
}

export const Empty = ({ title, text, children }: { title: string; text?: string; children?: ComponentChildren }) => (
  <div class="empty" data-testid="empty"><h2>{title}</h2>{text && <p>{text}</p>}{children}</div>
);

const EFFECTS: Record<string, [string, string]> = {
  files_removed: [mark('{n, plural, one {# file} other {# files}}'), mark('removed from Isthmus')],
  directories_removed: [mark('{n, plural, one {# folder} other {# folders}}'), mark('removed from Isthmus')],
  bytes_removed_from_store: [mark('{n, plural, one {# file} other {# files}}'), mark('deleted in the store, and no copy is kept')],
  unpersisted_files_removed: [mark('{n, plural, one {# file} other {# files}}'), mark('not in the store yet: lost')],
  files_to_persist: [mark('{n, plural, one {# file} other {# files}}'), mark('not in the store yet')],
  parent_store_not_checked: [mark('Not checked'), mark('whether the store above hides something here')],
  store_check_failed: [mark('Not checked'), mark('the store did not answer')],
  files_loaded: [mark('{n, plural, one {# file} other {# files}}'), mark('brought into the cache')],
};

export function sumEffects(lists: Effect[][]): Effect[] {
  const sum = new Map<string, Effect>();
  for (const e of lists.flat()) {
    const known = sum.get(e.code);
    sum.set(e.code, known ? { ...known, count: known.count + e.count, bytes: known.bytes + e.bytes } : { ...e });
  }
  return [...sum.values()];
}

export function Effects({ effects }: { effects: Effect[] }) {
  if (!effects.length) return null;
  return (
    <ul class="effects" data-testid="effects">
      {effects.map(e => {
        const [head, text] = EFFECTS[e.code] ?? ['{n}', e.code.replaceAll('_', ' ')];
        return (
          <li key={e.code} data-value={e.count}>
            <Status state={e.severity === 'loss' ? 'bad' : e.severity === 'warn' ? 'warn' : 'ok'}>{t(head, { n: e.count })}</Status>
            <span>{t(text)}{e.bytes > 0 && `, ${size(e.bytes)}`}</span>
          </li>
        );
      })}
    </ul>
  );
}
