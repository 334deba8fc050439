// SPDX-License-Identifier: Apache-2.0
// grid: the virtual table. At most 60 row nodes, recycled; above 8,000,000 px the scroll position is mapped in proportion
// (browsers clip taller elements) while wheel and keys still move by rows.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { exact, minute, percent, size } from '../../format';
import { t } from '../../i18n';
import { browseUrl } from '../../router';
import type { Entry } from '../../types';
import { CacheBar, Status } from '../../ui/controls';
import { Icon, type IconName } from '../../ui/icon';
import type { Listing, SortKey } from './listing';

const TALLEST = 8_000_000, NODES = 60;

export interface GridProps {
  listing: Listing; version: number; cursor: number; selected: Map<string, unknown>; onCursor: (i: number) => void;
  onSelect: (e: Entry, how: 'only' | 'toggle' | 'range', i: number) => void; onOpen: (e: Entry) => void; onAll: (on: boolean) => void;
  onSort: (key: SortKey) => void; onRange: (from: number, to: number) => void;
}

const IMAGES = /\.(png|jpe?g|gif|webp|avif|bmp|ico|svg)$/i, TABLES = /\.(csv|tsv|parquet|orc|avro|xlsx)$/i, CODE = /\.(c|h|py|js|ts|tsx|java|go|rs|sh|json|xml|ya?ml|toml|html|css)$/i;
export function iconOf(e: Entry): IconName {
  if (e.mount_point) return 'mount';
  if (e.type === 'directory') return 'folder';
  if (e.type === 'symlink') return 'link';
  return IMAGES.test(e.name) ? 'image' : TABLES.test(e.name) ? 'table' : CODE.test(e.name) ? 'code' : 'file';
}

export function Persistence({ entry: e }: { entry: Entry }) {
  if (e.type === 'directory') return null;
  if (!e.completed) return <Status state="run">{t('Being written')}</Status>;
  if (e.persistence === 'LOST') return <Status state="bad">{t('Lost')}</Status>;
  if (e.persistence === 'TO_BE_PERSISTED') return <Status state="warn">{t('Pending')}</Status>;
  if (e.persistence === 'NOT_PERSISTED') return <Status state="off">{t('Only here')}</Status>;
  return <span class="dim">{t('Persisted')}</span>;
}

function Cells({ entry: e, index, p }: { entry: Entry; index: number; p: GridProps }) {
  const isFile = e.type === 'file';
  const open = (ev: MouseEvent) => {
    if (ev.metaKey || ev.ctrlKey || ev.shiftKey) return;
    ev.preventDefault();
    ev.stopPropagation();
    if (isFile) p.onSelect(e, 'only', index); else p.onOpen(e);
  };
  return (
    <>
      <span role="gridcell"><input type="checkbox" tabIndex={-1} checked={p.selected.has(e.name)} aria-label={t('Select {name}', { name: e.name })}
        onClick={ev => { ev.stopPropagation(); p.onSelect(e, 'toggle', index); }} /></span>
      <span role="gridcell" class="nm"><Icon name={iconOf(e)} class={isFile ? '' : 'fold'} /><a tabIndex={-1} href={isFile ? undefined : browseUrl(e.path)} onClick={open} title={e.name}>{e.name}</a></span>
      <span role="gridcell" class="num sz" data-value={isFile ? e.length : e.children ?? undefined}>{isFile ? size(e.length) : e.children !== null && <span class="dim2">{t('{n, plural, one {# entry} other {# entries}}', { n: e.children })}</span>}</span>
      <span role="gridcell">{isFile && e.length > 0 && <><CacheBar bytes={e.cached_bytes} mem={e.cached_mem_bytes} length={e.length} /> <span class="dim">{percent(e.cached_bytes, e.length)}</span></>}</span>
      <span role="gridcell" class="lo2"><Persistence entry={e} /></span>
      <span role="gridcell" class="fl lo2">{e.pinned && <span title={t('pinned')}><Icon name="pin" /></span>}{e.ttl && <span title={t('expires')}><Icon name="clock" /></span>}</span>
      <span role="gridcell" class="dim lo">{e.modified && <time dateTime={e.modified} title={exact(e.modified)}>{minute(e.modified)}</time>}</span>
      <span role="gridcell" class="dim lo">{e.owner}</span>
    </>
  );
}

interface View { top: number; height: number; row: number; bar: number }

// The position in pixels of a list of any length, and the port that shows it.
function useScroll(total: number) {
  const port = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ top: 0, height: 600, row: 30, bar: 0 });
  const top = useRef(0), expected = useRef(-1);
  const full = total * view.row, isMapped = full > TALLEST, range = Math.max(0, full - view.height);
  const moveTo = (px: number) => {
    const el = port.current;
    if (!el) return;
    top.current = Math.max(0, Math.min(range, px));
    const native = isMapped ? Math.round(top.current / range * (TALLEST - view.height)) : Math.round(top.current);
    expected.current = native;
    el.scrollTop = native;
    setView(v => ({ ...v, top: top.current }));
  };
  const onScroll = () => {
    const el = port.current;
    if (!el || isMapped && Math.abs(el.scrollTop - expected.current) <= 1) return;
    top.current = isMapped ? el.scrollTop / (TALLEST - view.height) * range : el.scrollTop;
    setView(v => ({ ...v, top: top.current }));
  };
  useLayoutEffect(() => {
    const el = port.current;
    if (!el) return;
    const measure = () => setView(v => ({ ...v, height: el.clientHeight, bar: el.offsetWidth - el.clientWidth, row: parseInt(getComputedStyle(el).getPropertyValue('--row'), 10) || 30 }));
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    measure();
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const el = port.current;
    if (!el || !isMapped) return;
    const wheel = (e: WheelEvent) => { e.preventDefault(); moveTo(top.current + (e.deltaMode === 1 ? e.deltaY * view.row : e.deltaY)); };
    el.addEventListener('wheel', wheel, { passive: false });
    return () => el.removeEventListener('wheel', wheel);
  });
  return { port, view, full: Math.min(full, TALLEST), moveTo, onScroll, isMapped };
}

function Head({ p, bar }: { p: GridProps; bar: number }) {
  const { listing, onSort } = p;
  const sorts = (key: SortKey, text: string, cls: string) => {
    const isBy = listing.order.key === key;
    return <span role="columnheader" class={cls} aria-sort={isBy ? (listing.order.isDown ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => onSort(key)}>{text}{isBy && <Icon name={listing.order.isDown ? 'down' : 'up'} />}</button></span>;
  };
  const loaded = listing.total ?? 0;
  return (
    <div class="vhead" role="row" aria-rowindex={1} style={{ paddingRight: `${bar}px` }}>
      <span role="columnheader"><input type="checkbox" aria-label={t('Select all')} checked={loaded > 0 && p.selected.size >= loaded} onChange={e => p.onAll(e.currentTarget.checked)} /></span>
      {sorts('name', t('Name'), '')}{sorts('size', t('Size'), 'num sz')}
      <span role="columnheader">{t('Cached')}</span><span role="columnheader" class="lo2">{t('State')}</span><span role="columnheader" class="lo2"><span class="vh">{t('Marks')}</span></span>
      {sorts('modified', t('Modified'), 'lo')}<span role="columnheader" class="lo">{t('Owner')}</span>
    </div>
  );
}

export function Grid(p: GridProps) {
  const total = p.listing.total ?? 0;
  const { port, view, full, moveTo, onScroll } = useScroll(total);
  const first = Math.max(0, Math.floor(view.top / view.row) - 2);
  const n = Math.min(NODES, Math.ceil(view.height / view.row) + 5);
  const last = Math.min(total - 1, first + n - 1);

  useEffect(() => { p.listing.show(first, Math.max(last, first)); p.onRange(first, last); }, [p.listing, p.version, first, last]);
  useEffect(() => { moveTo(0); }, [p.listing.path, p.listing.prefix]);
  useEffect(() => {
    if (p.cursor < 0) return;
    const at = p.cursor * view.row;
    if (at < view.top) moveTo(at); else if (at + view.row > view.top + view.height) moveTo(at + view.row - view.height);
  }, [p.cursor]);

  const onKey = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / view.row) - 1);
    const steps: Record<string, number> = { ArrowDown: p.cursor + 1, j: p.cursor + 1, ArrowUp: p.cursor - 1, k: p.cursor - 1, PageDown: p.cursor + page, PageUp: p.cursor - page, Home: 0, End: total - 1 };
    const to = e.ctrlKey || e.metaKey ? undefined : steps[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const next = Math.max(0, Math.min(total - 1, to));
    p.onCursor(next);
    const entry = p.listing.row(next);
    if (e.shiftKey && entry) p.onSelect(entry, 'range', next);
  };

  const rows = [];
  const base = port.current?.scrollTop ?? 0;
  for (let i = first; i <= last; i++) {
    const e = p.listing.row(i);
    rows.push(
      <div key={i % n} id={`row-${i}`} role="row" class={`vr${i === p.cursor ? ' cur' : ''}`} aria-rowindex={i + 2} aria-selected={!!e && p.selected.has(e.name)} data-row data-index={i}
        data-testid={e ? `browse-row-${e.name}` : undefined} style={{ top: `${Math.min(base, full) + i * view.row - view.top}px` }}
        onClick={ev => { p.onCursor(i); if (e) p.onSelect(e, ev.shiftKey ? 'range' : ev.ctrlKey || ev.metaKey ? 'toggle' : 'only', i); }} onDblClick={() => e && p.onOpen(e)}>
        {e ? <Cells entry={e} index={i} p={p} /> : <><span role="gridcell" /><span role="gridcell"><span class="sk" /></span></>}
      </div>);
  }
  return (
    <div class="vgrid" role="grid" aria-label={t('Entries')} aria-rowcount={total + 1} aria-multiselectable="true" data-testid="browse-grid" data-total={total}>
      <Head p={p} bar={view.bar} />
      <div class="vport" ref={port} onScroll={onScroll} tabIndex={0} role="rowgroup" onKeyDown={onKey} aria-activedescendant={p.cursor >= 0 ? `row-${p.cursor}` : undefined} data-testid="browse-port">
        <div class="vsize" role="presentation" style={{ height: `${full}px` }}>{rows}</div>
      </div>
    </div>
  );
}
