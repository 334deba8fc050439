// SPDX-License-Identifier: Apache-2.0
// preview: text, tables, JSON, images; bytes for the rest. Reads at most 256 KiB (images 20 MiB), past the cache unless it is there.
// Nothing from a file is ever shown as a document: text is text, images are images.
import { useEffect, useState } from 'preact/hooks';
import { files, request } from '../../api';
import { size } from '../../format';
import { t } from '../../i18n';
import type { Entry } from '../../types';
import { asError, ErrorBlock, Loading } from '../../ui/states';

const HEAD = 256 * 1024, IMAGE_MAX = 20 << 20, ROWS = 200;
const IMAGE_TYPES: Record<string, string> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', avif: 'image/avif', bmp: 'image/bmp', ico: 'image/x-icon' };
const extension = (name: string): string => /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';

type Shown = { kind: 'image'; url: string } | { kind: 'text'; text: string } | { kind: 'table'; rows: string[][]; separator: string } | { kind: 'hex'; text: string };

export function hexOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map(b => b.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}  ${part.map(b => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('')}`);
  }
  return lines.join('\n');
}

// Fields between separators; quotes may hold both separators and line ends.
export function parseTable(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [], field = '', isQuoted = false;
  for (let i = 0; i < text.length && rows.length < ROWS + 1; i++) {
    const c = text[i];
    if (isQuoted && c === '"' && text[i + 1] === '"') { field += '"'; i++; }
    else if (c === '"' && (isQuoted || field === '')) isQuoted = !isQuoted;
    else if (!isQuoted && c === separator) { row.push(field); field = ''; }
    else if (!isQuoted && c === '\n') { row.push(field.replace(/\r$/, '')); rows.push(row); row = []; field = ''; }
    else field += c;
  }
  if (field || row.length) rows.push([...row, field]);
  return rows;
}

const guess = (text: string): string => {
  const line = text.slice(0, text.indexOf('\n') + 1 || 2000);
  return [',', '\t', ';', '|'].reduce((best, c) => (line.split(c).length > line.split(best).length ? c : best), ',');
};

function show(bytes: Uint8Array, ext: string, isWhole: boolean): Shown {
  if (bytes.subarray(0, 8192).includes(0)) return { kind: 'hex', text: hexOf(bytes.subarray(0, 1024)) };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: isWhole }).decode(bytes);
  } catch {
    text = new TextDecoder('windows-1252').decode(bytes);
  }
  if (ext === 'csv' || ext === 'tsv') {
    const separator = guess(text);
    return { kind: 'table', rows: parseTable(text, separator), separator };
  }
  if (ext === 'json' && isWhole) try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it is */ }
  return { kind: 'text', text };
}

async function read(e: Entry, signal: AbortSignal): Promise<Shown> {
  const ext = extension(e.name), type = IMAGE_TYPES[ext], isImage = type !== undefined && e.length <= IMAGE_MAX;
  const read_type = e.cached_bytes >= e.length ? undefined : 'NO_CACHE';
  const headers: Record<string, string> = { Accept: '*/*' };
  if (!isImage && e.length > HEAD) headers.Range = `bytes=0-${HEAD - 1}`;
  const answer = await request({ method: 'GET', path: files(e.path), query: { content: true, read_type }, headers }, signal);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (isImage) return { kind: 'image', url: URL.createObjectURL(new Blob([bytes], { type })) };
  return show(bytes, ext, e.length <= HEAD);
}

export function Preview({ entry: e }: { entry: Entry }) {
  const [state, setState] = useState<{ shown?: Shown; error?: unknown }>({});
  const [nonce, setNonce] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let url = '';
    setState({});
    if (e.length > 0 && e.completed)
      read(e, abort.signal).then(
        shown => { if (shown.kind === 'image') url = shown.url; if (!abort.signal.aborted) setState({ shown }); },
        error => { if (!abort.signal.aborted) setState({ error: asError(error) }); });
    return () => { abort.abort(); if (url) URL.revokeObjectURL(url); };
  }, [e.path, e.id, e.length, e.modified, nonce]);
  const { shown, error } = state;
  if (!e.completed) return <p class="dim">{t('The file is still being written.')}</p>;
  if (e.length === 0) return <p class="dim" data-testid="preview-empty">{t('The file is empty.')}</p>;
  if (error) return <ErrorBlock error={error} what={t('The file cannot be read')} retry={() => setNonce(n => n + 1)} />;
  if (!shown) return <Loading what={t('the file')} />;
  if (shown.kind === 'image') return <img class="preview" src={shown.url} alt={e.name} data-testid="preview-image" />;
  const part = e.length > HEAD && shown.kind !== 'hex' ? t('The first {part} of {whole}.', { part: size(HEAD), whole: size(e.length) }) : '';
  if (shown.kind === 'table') {
    const [head = [], ...rows] = shown.rows;
    return (
      <>
        <p class="dim2 small">{t('{n, plural, one {# row} other {# rows}} shown, separated by “{separator}”.', { n: Math.min(rows.length, ROWS), separator: shown.separator === '\t' ? 'Tab' : shown.separator })} {part}</p>
        <div class="preview gap-top" tabIndex={0} role="region" aria-label={t('Preview')} data-testid="preview-table"><table class="pv"><thead><tr>{head.map((c, i) => <th key={i}>{c}</th>)}</tr></thead>
          <tbody>{rows.slice(0, ROWS).map((r, i) => <tr key={i}>{r.map((c, j) => <td key={j}>{c}</td>)}</tr>)}</tbody></table></div>
      </>
    );
  }
  return (
    <>
      {(part || shown.kind === 'hex') && <p class="dim2 small">{part || t('Not text; its first bytes:')}</p>}
      <pre class="preview" tabIndex={0} data-testid={`preview-${shown.kind}`}>{shown.text}</pre>
    </>
  );
}
