// SPDX-License-Identifier: Apache-2.0
// mounts: the table; an open row is /ui/mounts/{id}, an open dialog ?dlg=add|edit|unmount.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { send } from '../../api';
import { count, duration, size } from '../../format';
import { t } from '../../i18n';
import { browseUrl, navigate, setQuery, urlOf, useRoute } from '../../router';
import { may, needs } from '../../shell';
import type { Kind, List, Mount, MountMode } from '../../types';
import { Ago, Button, Facts, Segments } from '../../ui/controls';
import { stateOf, useAction, useFetch, usePage } from '../../ui/data';
import { Icon } from '../../ui/icon';
import { openMenu, toast } from '../../ui/overlay';
import { Empty, ErrorBlock, Loading } from '../../ui/states';
import { MountDialog } from './form';
import { MountHealth } from './health';
import { UnmountDialog } from './unmount';

export const freshnessText = (m: Mount): string =>
  m.freshness === 'interval' ? t('every {time}', { time: duration(m.interval_ms) }) : m.freshness === 'manual' ? t('when asked') : t('never');

const rootOf = (uri: string): string => /^[a-z0-9]+:\/\/[^/]*/.exec(uri)?.[0] ?? uri;

function Access({ mount }: { mount: Mount }) {
  const action = useAction();
  const pick = (mode: string) => action.run(async () => {
    await send({ method: 'POST', path: '/stores:mode', body: { ufs_root: mount.uri.startsWith('file:') || mount.uri.startsWith('/') ? mount.uri : rootOf(mount.uri), mode: mode as MountMode } });
    toast(t('Access to {uri} changed', { uri: mount.uri }));
  });
  return (
    <>
      <Segments label={t('Access to the store')} value={mount.mode} disabled={!may('operator') || action.busy} onPick={pick}
        options={[['readWrite', t('read and write')], ['readOnly', t('read-only')], ['noAccess', t('closed')]]} />
      {action.error && <ErrorBlock error={action.error} />}
    </>
  );
}

function Details({ mount: m }: { mount: Mount }) {
  const options = Object.entries(m.options);
  return (
    <div class="cols">
      <div>
        {m.last_error && <div class={`block${m.health === 'failing' ? '' : ' warn'}`}><h3>{t('Last error')} <Ago at={m.last_error_at} /></h3><p>{m.last_error}</p></div>}
        <Facts rows={[[t('Store'), <code key="u">{m.uri}</code>], [t('Calls'), `${count(m.calls)} · ${t('{n, plural, one {# error} other {# errors}}', { n: m.errors })}`],
          [t('Read'), size(m.bytes_read)], [t('Written'), size(m.bytes_written)], [t('Last check'), <Ago key="c" at={m.last_check} />],
          ...options.map(([k, v]): [string, ComponentChildren] => [k, <code key={k}>{v}</code>])]} />
      </div>
      <div>
        <Facts rows={[[t('Freshness'), freshnessText(m)], [t('Rights'), m.read_only ? t('read-only') : t('read and write')], [t('Shared'), m.shared ? t('yes') : t('no')], [t('Access now'), <Access key="a" mount={m} />]]} />
        <div class="row wrap gap-top">
          <a class="btn" href={browseUrl(m.path)}><Icon name="folder" />{t('Browse')}</a>
          <Button icon="edit" reason={needs('operator')} onClick={() => setQuery({ dlg: 'edit' })} id="mount-edit">{t('Edit…')}</Button>
          <Button kind="danger" reason={m.path === '/' ? t('The root cannot be unmounted') : needs('admin')} onClick={() => setQuery({ dlg: 'unmount' })} id="mount-unmount">{t('Unmount…')}</Button>
        </div>
      </div>
    </div>
  );
}

function Row({ mount: m, isOpen, query }: { mount: Mount; isOpen: boolean; query: Record<string, string> }) {
  const href = urlOf(isOpen ? '/mounts' : `/mounts/${m.id}`, query);
  const dialog = (dlg: string) => navigate(urlOf(`/mounts/${m.id}`, { ...query, dlg }));
  const menu = (e: MouseEvent) => openMenu(e, [
    { text: t('Browse'), icon: 'folder', run: () => navigate(browseUrl(m.path)) },
    { text: t('Edit…'), icon: 'edit', id: 'menu-edit', disabled: !may('operator'), run: () => dialog('edit') },
    null,
    { text: t('Unmount…'), icon: 'trash', id: 'menu-unmount', danger: true, disabled: !may('admin') || m.path === '/', run: () => dialog('unmount') },
  ]);
  return (
    <>
      <tr data-row data-testid={`mount-row-${m.path}`} aria-selected={isOpen}>
        <td class="mono"><a href={href} aria-expanded={isOpen}>{m.path}</a> {m.read_only && <span title={t('read-only')}><Icon name="lock" /></span>} {m.shared && <span title={t('shared')}><Icon name="users" /></span>}</td>
        <td class="mono dim brk lo">{m.uri}</td>
        <td class="lo">{m.kind}</td>
        <td data-testid="mount-health" data-value={m.health}><MountHealth mount={m} /></td>
        <td class="dim lo">{freshnessText(m)}</td>
        <td class="num lo">{m.used_bytes >= 0 ? size(m.used_bytes) : '–'}</td>
        <td class="num lo" data-value={m.bytes_read}>{size(m.bytes_read)}</td>
        <td class="num lo" data-value={m.bytes_written}>{size(m.bytes_written)}</td>
        <td class="num" data-value={m.errors}>{count(m.errors)}</td>
        <td class="acts"><Button icon="more" kind="ghost" popup label={t('Actions for {path}', { path: m.path })} id="row-menu" onClick={menu} /></td>
      </tr>
      {isOpen && <tr class="open"><td colSpan={10}><Details mount={m} /></td></tr>}
    </>
  );
}

export function Mounts() {
  const { path, query } = useRoute();
  const mounts = useFetch<List<Mount>>('/mounts', undefined, 5000);
  const kinds = useFetch<List<Kind> | Kind[]>('/stores/kinds');
  const [filter, setFilter] = useState(query.filter ?? '');
  const all = mounts.data?.items ?? [];
  const id = Number(path.split('/')[2] ?? 0), open = all.find(m => m.id === id);
  const shown = all.filter(m => `${m.path} ${m.uri} ${m.kind}`.toLowerCase().includes(filter.toLowerCase()));
  const kindList = Array.isArray(kinds.data) ? kinds.data : kinds.data?.items;
  usePage(t('Mounts'), mounts.data ? t('{n, plural, one {# store} other {# stores}}', { n: all.length }) : '', stateOf(mounts));
  const close = () => setQuery({ dlg: undefined });
  const onFilter = (v: string) => { setFilter(v); setQuery({ filter: v || undefined }, true); };

  return (
    <div class="page">
      <div class="tools">
        <Button icon="plus" kind="primary" reason={needs('admin')} id="mount-add" onClick={() => setQuery({ dlg: 'add' })}>{t('Add mount')}</Button>
        <input class="in" type="search" aria-label={t('Filter')} placeholder={t('Filter by path, store or kind')} value={filter} onInput={e => onFilter(e.currentTarget.value)} />
      </div>
      {mounts.error && mounts.error.code !== 'offline' && <ErrorBlock error={mounts.error} what={t('The mounts cannot be read')} retry={mounts.reload} />}
      {!mounts.data && !mounts.error && <Loading what={t('the mounts')} />}
      {mounts.data && shown.length === 0 && <Empty title={t('No mount matches “{filter}”', { filter })}><Button onClick={() => onFilter('')}>{t('Clear the filter')}</Button></Empty>}
      {shown.length > 0 && <div class="scrollx"><table class="t" data-testid="mounts-table">
        <thead><tr><th>{t('Path')}</th><th class="lo">{t('Store')}</th><th class="lo">{t('Kind')}</th><th>{t('Health')}</th><th class="lo">{t('Freshness')}</th><th class="num lo">{t('Used')}</th>
          <th class="num lo">{t('Read')}</th><th class="num lo">{t('Written')}</th><th class="num">{t('Errors')}</th><th><span class="vh">{t('Actions')}</span></th></tr></thead>
        <tbody>{shown.map(m => <Row key={m.id} mount={m} isOpen={m.id === id} query={query} />)}</tbody>
      </table></div>}
      {query.dlg === 'add' && kindList && <MountDialog kinds={kindList} onClose={close} />}
      {query.dlg === 'edit' && open && kindList && <MountDialog kinds={kindList} mount={open} onClose={close} />}
      {query.dlg === 'unmount' && open && <UnmountDialog mount={open} onClose={() => navigate(urlOf('/mounts', { filter: query.filter }))} />}
    </div>
  );
}
