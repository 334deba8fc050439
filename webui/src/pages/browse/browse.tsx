// SPDX-License-Identifier: Apache-2.0
// browse: one folder: crumbs, status or actions, grid, inspector, uploads. Folder, filter, order, selection, tab and dialog are in the URL.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { BASE, changes, files, get, send } from '../../api';
import { count, size } from '../../format';
import { t } from '../../i18n';
import { browseUrl, encodePath, navigate, setQuery, useRoute } from '../../router';
import type { Entry, List, Mount } from '../../types';
import { Ago, Button } from '../../ui/controls';
import { stateOf, useAction, useFetch, usePage } from '../../ui/data';
import { Icon } from '../../ui/icon';
import { copyText, openMenu, toast } from '../../ui/overlay';
import { Empty, ErrorBlock, Loading } from '../../ui/states';
import { inField } from '../../shell';
import { useStore } from '../../store';
import { DeleteDialog, join, NewFolderDialog, RenameDialog } from './dialogs';
import { Grid } from './grid';
import { Inspector } from './inspector';
import { Listing, type Order, type SortKey } from './listing';
import { Tray } from './tray';
import { add, dropped, picked } from './upload';

const SEL_MAX = 50;

export function folderOf(path: string): string {
  try {
    const p = decodeURIComponent(path.replace(/^\/browse/, '')).replace(/\/+$/, '');
    return p === '' ? '/' : p;
  } catch {
    return '/';
  }
}

const orderOf = (text: string | undefined): Order => ({ key: (text?.replace('-', '') as SortKey | undefined) ?? 'name', isDown: text?.startsWith('-') ?? false });

function useListing(folder: string, prefix: string, sort: string | undefined) {
  const [version, redraw] = useState(0);
  const range = useRef<[number, number]>([0, 40]);
  const listing = useMemo(() => new Listing(folder, prefix, orderOf(sort), () => redraw(n => n + 1)), [folder, prefix, sort]);
  const change = useStore(changes), seen = useRef(change);
  useEffect(() => {
    listing.show(0, 40);
    const timer = setInterval(() => { if (!document.hidden) void listing.look(); }, 5000);
    return () => { clearInterval(timer); listing.end(); };
  }, [listing]);
  const refresh = () => listing.refresh(range.current[0], Math.max(range.current[1], range.current[0]));
  useEffect(() => {
    if (seen.current !== change) refresh();
    seen.current = change;
  }, [change]);
  return { listing, version, refresh, onRange: (from: number, to: number) => { range.current = [from, to]; } };
}

// Names are kept in the URL up to 50; entries are found in the list or asked for.
function useSelection(folder: string, listing: Listing, version: number) {
  const { query } = useRoute();
  const [selected, setSelected] = useState(new Map<string, Entry>());
  const where = useRef(folder);
  const write = (next: Map<string, Entry>) => {
    setSelected(next);
    setQuery({ sel: next.size > 0 && next.size <= SEL_MAX ? [...next.keys()].join('/') : undefined }, true);
  };
  useEffect(() => {
    let isOver = false;
    if (where.current !== folder) { where.current = folder; setSelected(new Map()); }
    const names = query.sel?.split('/').filter(Boolean) ?? [];
    if (names.length && !names.every(n => selected.has(n)))
      void Promise.allSettled(names.map(n => get<Entry>(files(join(folder, n))))).then(found => {
        if (!isOver) setSelected(new Map(found.flatMap(f => (f.status === 'fulfilled' ? [[f.value.name, f.value] as [string, Entry]] : []))));
      });
    if (!names.length && selected.size && selected.size <= SEL_MAX) setSelected(new Map());
    return () => { isOver = true; };
  }, [folder, query.sel]);
  useEffect(() => { // newer facts of what is selected
    if (![...selected.keys()].some(n => { const e = listing.find(n); return e && e !== selected.get(n); })) return;
    setSelected(new Map([...selected].map(([n, e]) => [n, listing.find(n) ?? e])));
  }, [version]);
  return { selected, write };
}

function Crumbs({ folder, filter }: { folder: string; filter: string }) {
  const parts = folder === '/' ? [] : folder.slice(1).split('/');
  const upload = useRef<HTMLInputElement>(null), tree = useRef<HTMLInputElement>(null);
  useEffect(() => { if (tree.current) tree.current.webkitdirectory = true; }, []);
  const take = (e: Event) => { const input = e.currentTarget as HTMLInputElement; add(folder, picked(input.files)); input.value = ''; };
  const more = (e: MouseEvent) => openMenu(e, [
    { text: t('Upload a folder…'), icon: 'upload', run: () => tree.current?.click() },
    { text: t('Check against the store'), icon: 'refresh', run: () => void send({ method: 'POST', path: files(folder, 'load-metadata'), body: { recursive: false, forced: true } }).then(() => toast(t('Compared with the store'))) },
    { text: t('Copy the path'), icon: 'copy', run: () => void copyText(folder) },
  ]);
  return (
    <div class="crumbs">
      <nav aria-label={t('Folder')} data-testid="browse-crumbs">
        <a href={browseUrl('/')} aria-current={parts.length ? undefined : 'page'}>/</a>
        {parts.map((p, i) => [i > 0 && <span key={`s${i}`}>/</span>, <a key={i} href={browseUrl(`/${parts.slice(0, i + 1).join('/')}`)} aria-current={i === parts.length - 1 ? 'page' : undefined}>{p}</a>])}
      </nav>
      <input class="in" type="search" id="browse-filter" aria-label={t('Filter: names that begin with')} placeholder={t('Name begins with  /')} value={filter} data-testid="browse-filter"
        onInput={e => setQuery({ filter: e.currentTarget.value || undefined, sel: undefined }, true)} />
      <Button icon="plus" onClick={() => setQuery({ dlg: 'new' })} id="browse-new-folder">{t('New folder')}</Button>
      <Button icon="upload" kind="primary" onClick={() => upload.current?.click()} id="browse-upload">{t('Upload')}</Button>
      <Button icon="more" kind="ghost" popup label={t('More')} onClick={more} id="browse-more" />
      <input type="file" multiple hidden ref={upload} id="browse-upload-input" data-testid="browse-upload-input" onChange={take} />
      <input type="file" multiple hidden ref={tree} onChange={take} />
    </div>
  );
}

function StatusRow({ listing, mount, refresh }: { listing: Listing; mount: Mount | undefined; refresh: () => void }) {
  const n = listing.total ?? 0, extra = listing.newTotal === null ? 0 : listing.newTotal - n;
  const text = listing.prefix ? t('{n, plural, one {# match} other {# matches}}', { n }) : t('{n, plural, one {# entry} other {# entries}}', { n });
  return (
    <div class="bstat" data-testid="browse-status">
      <b class="strong">{listing.total === null ? '' : text}</b>
      {listing.isPart && <span>{t('the first {n} by name', { n: count(n) })}</span>}
      {mount && <span class="mono clip hide-s">{mount.uri}</span>}
      {mount?.read_only && <span class="tag">{t('read-only')}</span>}
      {mount && mount.health === 'failing' && <span class="tag bad">{t('the store fails')}</span>}
      <span class="grow" />
      {extra !== 0 && <button type="button" class="link" data-testid="browse-news" onClick={refresh}>{extra > 0 ? t('{n, plural, one {# new entry} other {# new entries}} · Show', { n: extra }) : t('{n, plural, one {# entry} other {# entries}} gone · Show', { n: -extra })}</button>}
      <span>{listing.meta.checking ? t('comparing with the store') : listing.meta.verified ? <>{t('verified')} <Ago at={listing.meta.verified} /></> : null}</span>
    </div>
  );
}

function Actions({ entries, clear }: { entries: Entry[]; clear: () => void }) {
  const action = useAction();
  const one = entries.length === 1 ? entries[0] : undefined;
  const bytes = entries.reduce((n, e) => n + e.length, 0), pinned = entries.every(e => e.pinned);
  const each = (verb: string, body: unknown, done: string) => action.run(async () => {
    for (const e of entries) await send({ method: 'POST', path: files(e.path, verb), body: verb === 'persist' ? body : { recursive: e.type === 'directory' } });
    toast(done);
  });
  const pin = () => action.run(async () => {
    for (const e of entries) await send({ method: 'PATCH', path: files(e.path), body: { pinned: !pinned } });
    toast(pinned ? t('No longer pinned') : t('Pinned'));
  });
  const more = (e: MouseEvent) => openMenu(e, [
    { text: t('Persist now'), icon: 'upload', disabled: entries.every(x => x.persistence === 'PERSISTED'), run: () => each('persist', { wait: false }, t('Persisting')) },
    { text: t('Copy the path'), icon: 'copy', run: () => void copyText(entries.map(x => x.path).join('\n')) },
    { text: t('Clear the selection'), icon: 'x', run: clear },
  ]);
  return (
    <>
      <div class="bstat sel" data-testid="browse-actions">
        <span class="who"><b>{one ? one.name : t('{n} selected', { n: entries.length })}</b> <span class="dim">{bytes > 0 && size(bytes)}</span></span>
        {one?.type === 'file' && <a class="btn" href={`${BASE}${files(one.path)}?content&download=true`} download={one.name} title={t('Download')} data-testid="browse-download"><Icon name="download" /><span>{t('Download')}</span></a>}
        {one && <Button icon="edit" id="browse-rename" onClick={() => setQuery({ dlg: 'rename' })}>{t('Rename…')}</Button>}
        <Button icon="down" id="browse-load" busy={action.busy} onClick={() => each('load', null, t('Loading into the cache'))}>{t('Load')}</Button>
        <Button icon="pin" id="browse-pin" busy={action.busy} onClick={pin}>{pinned ? t('Unpin') : t('Pin')}</Button>
        <Button icon="minus" id="browse-free" busy={action.busy} onClick={() => each('free', null, t('Freed from the cache'))}>{t('Free')}</Button>
        <Button icon="trash" kind="danger" label={t('Delete…')} id="browse-delete" onClick={() => setQuery({ dlg: 'delete' })} />
        <Button icon="more" label={t('More')} popup onClick={more} />
      </div>
      {action.error && <ErrorBlock error={action.error} />}
    </>
  );
}

function useDrop(folder: string) {
  const [isOver, setOver] = useState(false);
  const depth = useRef(0);
  const hasFiles = (e: DragEvent) => e.dataTransfer?.types.includes('Files') ?? false;
  return {
    isOver,
    handlers: {
      onDragEnter: (e: DragEvent) => { if (hasFiles(e)) { e.preventDefault(); depth.current++; setOver(true); } },
      onDragOver: (e: DragEvent) => { if (hasFiles(e)) e.preventDefault(); },
      onDragLeave: () => { if (--depth.current <= 0) { depth.current = 0; setOver(false); } },
      onDrop: (e: DragEvent) => {
        e.preventDefault();
        depth.current = 0;
        setOver(false);
        if (e.dataTransfer) void dropped(e.dataTransfer).then(list => add(folder, list));
      },
    },
  };
}

const mountOf = (mounts: Mount[], path: string): Mount | undefined =>
  mounts.filter(m => m.path === '/' || path === m.path || path.startsWith(`${m.path}/`)).sort((a, b) => b.path.length - a.path.length)[0];

export function Browse() {
  const { path, query } = useRoute();
  const folder = folderOf(path), filter = query.filter ?? '';
  const { listing, version, refresh, onRange } = useListing(folder, filter, query.sort);
  const { selected, write } = useSelection(folder, listing, version);
  const mounts = useFetch<List<Mount>>('/mounts', undefined, 10_000);
  const [cursor, setCursor] = useState(-1);
  const anchor = useRef(0);
  const drop = useDrop(folder);
  const entries = [...selected.values()], one = entries.length === 1 ? entries[0] : undefined;
  const isFirst = listing.total === null;
  const state = isFirst ? stateOf({ data: undefined, error: listing.error, reload: refresh }) : listing.total === 0 ? 'empty' : 'ready';
  usePage(t('Browse'), '', state);
  useEffect(() => setCursor(-1), [folder, filter, query.sort]);

  const open = (e: Entry) => {
    if (e.type === 'file') write(new Map([[e.name, e]]));
    else navigate(browseUrl(e.path));
  };
  const select = (e: Entry, how: 'only' | 'toggle' | 'range', i: number) => {
    const next = how === 'only' ? new Map<string, Entry>() : new Map(selected);
    if (how === 'toggle' && next.has(e.name)) next.delete(e.name);
    else next.set(e.name, e);
    if (how === 'range') for (let k = Math.min(anchor.current, i); k <= Math.max(anchor.current, i); k++) { const x = listing.row(k); if (x) next.set(x.name, x); }
    else anchor.current = i;
    write(next);
  };
  const all = (on: boolean) => {
    const next = new Map<string, Entry>();
    for (let i = 0; on && i < (listing.total ?? 0); i++) { const e = listing.row(i); if (e) next.set(e.name, e); }
    write(next);
  };
  const sort = (key: SortKey) => setQuery({ sort: listing.order.key === key && !listing.order.isDown ? `-${key}` : key === 'name' ? undefined : key });
  const onKey = (e: KeyboardEvent) => {
    if (inField(e) || e.defaultPrevented) return;
    const at = (e.target as Element).closest('a,button,input') ? undefined : listing.row(cursor);
    const actions: Record<string, () => void> = {
      Enter: () => at && open(at), ' ': () => at && select(at, 'only', cursor), x: () => at && select(at, 'toggle', cursor), Escape: () => write(new Map()),
      Backspace: () => navigate(browseUrl(folder.replace(/\/[^/]*$/, '') || '/')), Delete: () => entries.length && setQuery({ dlg: 'delete' }), F2: () => one && setQuery({ dlg: 'rename' }),
      n: () => setQuery({ dlg: 'new' }), u: () => document.getElementById('browse-upload-input')?.click(), '/': () => document.getElementById('browse-filter')?.focus(), a: () => all(true),
    };
    const run = actions[e.key];
    if (!run || e.ctrlKey !== (e.key === 'a') || e.metaKey || e.altKey || (!at && ['Enter', ' ', 'x'].includes(e.key))) return;
    e.preventDefault();
    run();
  };
  const keys = useRef(onKey);
  keys.current = onKey;
  useEffect(() => {
    const listener = (e: KeyboardEvent) => keys.current(e);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
  const close = () => setQuery({ dlg: undefined });

  return (
    <div class={`bw${one ? ' pane' : ''}`}>
      <div class="bmid" {...drop.handlers}>
        <Crumbs folder={folder} filter={filter} />
        {entries.length ? <Actions entries={entries} clear={() => write(new Map())} /> : <StatusRow listing={listing} mount={mountOf(mounts.data?.items ?? [], folder)} refresh={refresh} />}
        {listing.error && listing.error.code !== 'offline' && <ErrorBlock error={listing.error} what={listing.error.code === 'not_found' ? t('There is no folder {path}', { path: folder }) : t('The folder cannot be listed')} retry={refresh} />}
        {isFirst && !listing.error && <Loading what={t('the folder')} rows={12} />}
        {listing.total === 0 && (filter
          ? <Empty title={t('No name begins with “{filter}”', { filter })}><Button onClick={() => setQuery({ filter: undefined })}>{t('Clear the filter')}</Button></Empty>
          : <Empty title={t('This folder is empty')} text={t('Drop files here, or upload them.')} />)}
        {(listing.total ?? 0) > 0 && <Grid listing={listing} version={version} cursor={cursor} selected={selected} onCursor={setCursor} onSelect={select} onOpen={open} onAll={all} onSort={sort} onRange={onRange} />}
        {drop.isOver && <div class="drop">{t('Drop to upload into {path}', { path: folder })}</div>}
      </div>
      {one && <Inspector entry={one} onClose={() => write(new Map())} />}
      <Tray />
      {query.dlg === 'new' && <NewFolderDialog folder={folder} onClose={close} />}
      {query.dlg === 'rename' && one && <RenameDialog entry={one} onClose={to => navigate(`/ui/browse${encodePath(to ? to.replace(/\/[^/]*$/, '') || '/' : folder)}`, true)} />}
      {query.dlg === 'delete' && entries.length > 0 && <DeleteDialog entries={entries} onClose={done => { if (done) { write(new Map()); setQuery({ dlg: undefined, sel: undefined }, true); } else close(); }} />}
    </div>
  );
}
