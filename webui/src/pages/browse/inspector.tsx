// SPDX-License-Identifier: Apache-2.0
// inspector: what is known of one entry and since when: cached where, durable or not, verified when; preview, properties, permissions.
import type { ComponentChildren } from 'preact';
import { BASE, files } from '../../api';
import { exact, percent, size } from '../../format';
import { t } from '../../i18n';
import { setQuery, useRoute } from '../../router';
import type { Entry } from '../../types';
import { Ago, Button, CacheBar, Facts, Status } from '../../ui/controls';
import { useFetch } from '../../ui/data';
import { Icon } from '../../ui/icon';
import { Code } from '../../ui/overlay';
import { ErrorBlock, Loading } from '../../ui/states';
import { Preview } from './preview';

function Durable({ entry: e }: { entry: Entry }) {
  if (!e.completed) return <Status state="run">{t('being written')}</Status>;
  if (e.persistence === 'LOST') return <Status state="bad">{t('no copy left')}</Status>;
  if (e.persistence === 'TO_BE_PERSISTED') return <Status state="warn">{t('only here; on its way to the store')}</Status>;
  if (e.persistence === 'NOT_PERSISTED') return <Status state="warn">{t('only here; it is not written to the store')}</Status>;
  return <Status state="ok">{t('in the store')}</Status>;
}

function Truth({ entry: e }: { entry: Entry }) {
  const rest = e.cached_bytes - e.cached_mem_bytes;
  const where = [e.cached_mem_bytes > 0 && t('memory {share}', { share: percent(e.cached_mem_bytes, e.length) }), rest > 0 && t('disk {share}', { share: percent(rest, e.length) })].filter(Boolean).join(', ');
  return (
    <dl class="truth">
      {e.type === 'file' && e.length > 0 && <><dt>{t('Cached')}</dt><dd>{percent(e.cached_bytes, e.length)}{where && ` · ${where}`}</dd></>}
      {e.type === 'file' && <><dt>{t('Durable')}</dt><dd><Durable entry={e} /></dd></>}
      <dt>{t('Verified')}</dt><dd>{e.verified ? <Ago at={e.verified} /> : t('not compared yet')}{e.store_etag && <> · <code>{e.store_etag.slice(0, 18)}</code></>}</dd>
    </dl>
  );
}

function Properties({ entry: e }: { entry: Entry }) {
  const time = (at: string | null) => (at ? exact(at) : '–');
  return (
    <Facts rows={[[t('Path'), <code key="p">{e.path}</code>], [t('Size'), e.type === 'file' ? `${size(e.length)} (${e.length.toLocaleString()} B)` : t('{n, plural, one {# entry} other {# entries}}', { n: e.children ?? 0 })],
      [t('In the store'), e.ufs_path ? <code key="u">{e.ufs_path}</code> : '–'], ...(e.target ? [[t('Points to'), <code key="t">{e.target}</code>] as [string, ComponentChildren]] : []),
      [t('Modified'), time(e.modified)], [t('Created'), time(e.created)], [t('Last read'), time(e.accessed)], [t('Owner'), `${e.owner}:${e.group}`], [t('Mode'), <code key="m">{e.mode}</code>],
      [t('Pinned'), e.pinned ? t('yes') : t('no')], [t('Expiry'), e.ttl ? `${Math.round(e.ttl.after_ms / 1000)} s, ${e.ttl.action}` : t('none')], [t('Block size'), size(e.block_size)], [t('Id'), <code key="i">{e.id}</code>]]} />
  );
}

function Permissions({ path }: { path: string }) {
  const acl = useFetch<{ owner: string; group: string; entries: string[] }>(files(path), { acl: '' });
  if (acl.error) return <ErrorBlock error={acl.error} retry={acl.reload} />;
  if (!acl.data) return <Loading what={t('the permissions')} />;
  return <><Facts rows={[[t('Owner'), acl.data.owner], [t('Group'), acl.data.group]]} /><ul class="gap-top">{acl.data.entries.map(x => <li key={x}><code>{x}</code></li>)}</ul></>;
}

const Connect = ({ entry: e }: { entry: Entry }) => (
  <>
    <p class="dim small">{t('Command line')}</p><Code text={`isthmus fs ${e.type === 'file' ? 'cat' : 'ls'} '${e.path.replaceAll("'", "'\\''")}'`} />
    <p class="dim small">REST</p><Code text={`curl -H "Authorization: Bearer $ISTHMUS_TOKEN" \\\n  '${location.origin}${BASE}${files(e.path)}?${e.type === 'file' ? 'content' : 'list'}'`} />
  </>
);

export function Inspector({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { query } = useRoute();
  const full = useFetch<Entry>(files(entry.path), undefined, 5000);
  const e = full.data ?? entry, isFile = e.type === 'file';
  const tabs: [string, string][] = [...(isFile ? [['preview', t('Preview')] as [string, string]] : []), ['properties', t('Properties')], ['permissions', t('Permissions')], ['connect', t('Connect')]];
  const tab = tabs.find(([id]) => id === query.tab)?.[0] ?? tabs[0]?.[0];
  return (
    <aside class="insp" aria-label={e.name} data-testid="inspector">
      <header>
        <div class="row"><h2>{e.name}</h2>
          {isFile && <a class="btn ghost icon" href={`${BASE}${files(e.path)}?content&download=true`} download={e.name} aria-label={t('Download')} title={t('Download')} data-testid="inspector-download"><Icon name="download" /></a>}
          <Button icon="x" kind="ghost" label={t('Close')} onClick={onClose} /></div>
        {isFile && e.length > 0 && <CacheBar big bytes={e.cached_bytes} mem={e.cached_mem_bytes} length={e.length} />}
        <Truth entry={e} />
      </header>
      <div class="tabs" role="tablist">{tabs.map(([id, text]) => <button type="button" role="tab" key={id} aria-selected={id === tab} data-testid={`inspector-${id}`} onClick={() => setQuery({ tab: id }, true)}>{text}</button>)}</div>
      <div class="pad" role="tabpanel">
        {full.error && <ErrorBlock error={full.error} retry={full.reload} />}
        {tab === 'preview' && <Preview entry={e} />}
        {tab === 'properties' && <Properties entry={e} />}
        {tab === 'permissions' && <Permissions path={e.path} />}
        {tab === 'connect' && <Connect entry={e} />}
      </div>
    </aside>
  );
}
