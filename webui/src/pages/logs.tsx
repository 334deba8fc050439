// SPDX-License-Identifier: Apache-2.0
// logs: the end of the log, filtered by words and level; follows while one stands at its end. Lines are text, never HTML.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { send } from '../api';
import { t } from '../i18n';
import { setQuery, useRoute } from '../router';
import { may, needs } from '../shell';
import type { List } from '../types';
import { Button, Segments, SelectField } from '../ui/controls';
import { stateOf, useAction, useFetch, usePage } from '../ui/data';
import { Dialog, toast } from '../ui/overlay';
import { Empty, ErrorBlock, Loading } from '../ui/states';

interface Level { subsystem: string; level: string }
const LEVELS = ['ERROR', 'WARN', 'INFO', 'DEBUG'];
const levelOf = (line: string): string => /\b(ERROR|WARN|INFO|DEBUG)\b/.exec(line.slice(0, 80))?.[1] ?? '';

function LevelsDialog({ onClose }: { onClose: () => void }) {
  const levels = useFetch<List<Level>>('/logs/levels');
  const [name, setName] = useState('all');
  const [level, setLevel] = useState('DEBUG');
  const action = useAction();
  const call = { method: 'PUT' as const, path: '/logs/levels', body: { subsystem: name, level } };
  const save = () => action.run(async () => {
    await send(call);
    toast(t('{name} now logs from {level}', { name, level }));
    onClose();
  });
  const names = (levels.data?.items ?? []).map((l): [string, string] => [l.subsystem, `${l.subsystem} (${l.level})`]);
  return (
    <Dialog id="log-level" title={t('Level of the log')} onClose={onClose} onSubmit={save} calls={[call]}
      footer={<><Button onClick={onClose}>{t('Cancel')}</Button><Button type="submit" kind="primary" busy={action.busy} reason={needs('admin')}>{t('Set')}</Button></>}>
      <SelectField label={t('Part')} value={name} onText={setName} options={[['all', t('all')], ...names]} />
      <SelectField label={t('Level')} value={level} onText={setLevel} options={LEVELS.map((l): [string, string] => [l, l])} />
      {action.error && <ErrorBlock error={action.error} />}
    </Dialog>
  );
}

export function Logs() {
  const { query } = useRoute();
  const isPaused = query.follow === '0';
  const logs = useFetch<List<string>>('/logs', { lines: 1000 }, isPaused ? 0 : 3000);
  const end = useRef<HTMLDivElement>(null);
  const words = (query.q ?? '').toLowerCase(), from = LEVELS.indexOf(query.level ?? '');
  const lines = (logs.data?.items ?? []).filter(l => l.toLowerCase().includes(words) && (from < 0 || LEVELS.indexOf(levelOf(l)) <= from && levelOf(l) !== ''));
  usePage(t('Logs'), logs.data ? t('{n, plural, one {# line} other {# lines}}', { n: lines.length }) : '', stateOf(logs));
  useLayoutEffect(() => {
    const main = end.current?.closest('main');
    if (main && !isPaused) main.scrollTop = main.scrollHeight;
  }, [lines.length, lines[lines.length - 1], isPaused]);
  return (
    <div class="page">
      <div class="tools">
        <input class="in" type="search" aria-label={t('Filter')} placeholder={t('Words or request id')} value={query.q ?? ''} onInput={e => setQuery({ q: e.currentTarget.value || undefined }, true)} />
        <Segments label={t('Level')} value={query.level ?? ''} onPick={v => setQuery({ level: v || undefined })}
          options={[['', t('All')], ['WARN', t('Warnings')], ['ERROR', t('Errors')]]} />
        <Button pressed={!isPaused} onClick={() => setQuery({ follow: isPaused ? undefined : '0' })}>{t('Follow')}</Button>
        {may('operator') && <Button onClick={() => setQuery({ dlg: 'level' })}>{t('Level…')}</Button>}
      </div>
      {logs.error && logs.error.code !== 'offline' && <ErrorBlock error={logs.error} what={t('The log cannot be read')} retry={logs.reload} />}
      {!logs.data && !logs.error && <Loading what={t('the log')} rows={12} />}
      {logs.data && !lines.length && <Empty title={t('No line matches')} />}
      <div class="loglines" data-testid="log-lines">{lines.map((l, i) => <div key={i} class={levelOf(l)}>{l}</div>)}</div>
      <div ref={end} />
      {query.dlg === 'level' && <LevelsDialog onClose={() => setQuery({ dlg: undefined })} />}
    </div>
  );
}
