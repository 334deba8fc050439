// SPDX-License-Identifier: Apache-2.0
// tray: uploads on their way, what is asked about them, what failed.
import { percent, size } from '../../format';
import { t } from '../../i18n';
import { useStore } from '../../store';
import { Bar, Button, Status } from '../../ui/controls';
import { cancel, clear, forAll, keepBoth, replace, retry, type Upload, uploads } from './upload';

const SHOWN = 200;
const RANK = { exists: 0, failed: 1, active: 2, waiting: 3, done: 4, cancelled: 5 };

function Item({ upload: u }: { upload: Upload }) {
  const text = { waiting: t('waiting'), active: percent(u.loaded, u.file.size), done: t('done'), failed: '', exists: '', cancelled: t('skipped') }[u.state];
  return (
    <li data-testid={`upload-${u.file.name}`} data-upload={u.state}>
      <div class="row"><span class="clip grow" title={u.path}>{u.path}</span><span class="dim2 num">{text} {u.state === 'active' && size(u.file.size)}</span>
        {(u.state === 'active' || u.state === 'waiting') && <Button icon="x" kind="ghost" label={t('Cancel')} onClick={() => cancel(u)} />}</div>
      {u.state === 'active' && <Bar label={percent(u.loaded, u.file.size)} whole={u.file.size} parts={[['xp', u.loaded]]} />}
      {u.state === 'failed' && <div class="row"><span class="grow small"><Status state="bad">{u.error === 'offline' ? t('The connection broke') : u.error}</Status></span><Button onClick={() => retry(u)}>{t('Try again')}</Button></div>}
      {u.state === 'exists' && <div class="row wrap"><span class="grow small"><Status state="warn">{t('It exists already')}</Status></span>
        <Button id="upload-replace" onClick={() => replace(u)}>{t('Replace')}</Button><Button id="upload-keep" onClick={() => keepBoth(u)}>{t('Keep both')}</Button><Button id="upload-skip" onClick={() => cancel(u)}>{t('Skip')}</Button></div>}
    </li>
  );
}

export function Tray() {
  const all = useStore(uploads);
  if (!all.length) return null;
  const going = all.filter(u => u.state === 'active' || u.state === 'waiting'), asked = all.filter(u => u.state === 'exists');
  const counted = all.filter(u => u.state !== 'cancelled');
  const bytes = counted.reduce((n, u) => n + u.file.size, 0), loaded = counted.reduce((n, u) => n + (u.state === 'done' ? u.file.size : u.loaded), 0);
  const shown = [...all].sort((a, b) => RANK[a.state] - RANK[b.state] || b.id - a.id).slice(0, SHOWN);
  return (
    <section class="tray" aria-label={t('Uploads')} data-testid="upload-tray" data-busy={going.length}>
      <header><h2>{going.length ? t('Uploading {n, plural, one {# file} other {# files}}', { n: going.length }) : t('Uploads')}</h2>
        <span class="dim2 small">{t('{part} of {whole}', { part: size(loaded), whole: size(bytes) })}</span>
        {!going.length && <Button icon="x" kind="ghost" label={t('Close')} onClick={clear} id="upload-close" />}</header>
      {asked.length > 1 && <div class="row wrap"><span class="small grow">{t('{n, plural, one {# name} other {# names}} exist already', { n: asked.length })}</span>
        <Button onClick={() => forAll('replace')}>{t('Replace all')}</Button><Button onClick={() => forAll('skip')}>{t('Skip all')}</Button></div>}
      <ul tabIndex={0}>{shown.map(u => <Item key={u.id} upload={u} />)}</ul>
      {all.length > SHOWN && <p class="dim small">{t('{n} more', { n: all.length - SHOWN })}</p>}
    </section>
  );
}
