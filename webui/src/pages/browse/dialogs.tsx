// SPDX-License-Identifier: Apache-2.0
// dialogs: new folder, rename or move, delete with its consequences.
import { useState } from 'preact/hooks';
import { type Call, files, send } from '../../api';
import { t } from '../../i18n';
import type { Change, Entry } from '../../types';
import { Button, Check, TextField } from '../../ui/controls';
import { useAction, useDryRun } from '../../ui/data';
import { Dialog, toast } from '../../ui/overlay';
import { Effects, ErrorBlock, Loading, meaningOf, sumEffects } from '../../ui/states';

export const join = (folder: string, name: string): string => (folder === '/' ? `/${name}` : `${folder}/${name}`);
const nameError = (name: string): string | undefined =>
  name.includes('/') ? t('A name cannot contain “/”.') : name === '.' || name === '..' ? t('This name is reserved.') : undefined;

export function NewFolderDialog({ folder, onClose }: { folder: string; onClose: (made?: string) => void }) {
  const [name, setName] = useState('');
  const action = useAction();
  const call: Call = { method: 'PUT', path: files(join(folder, name)), body: { type: 'directory' } };
  const wrong = nameError(name);
  const make = () => name && !wrong && action.run(async () => {
    await send(call);
    toast(t('Folder {name} made', { name }));
    onClose(name);
  });
  const known = action.error && meaningOf(action.error.code);
  return (
    <Dialog id="new-folder" title={t('New folder')} onClose={() => onClose()} onSubmit={make} calls={[call]}
      footer={<><Button onClick={() => onClose()}>{t('Cancel')}</Button><Button type="submit" kind="primary" busy={action.busy} disabled={!name || !!wrong} id="new-folder-save">{t('Make folder')}</Button></>}>
      <TextField label={t('Name')} value={name} onText={v => { setName(v); action.clear(); }} testid="new-folder-name" error={wrong ?? known ?? action.error?.message} hint={t('In {path}', { path: folder })} />
    </Dialog>
  );
}

export function RenameDialog({ entry: e, onClose }: { entry: Entry; onClose: (to?: string) => void }) {
  const [to, setTo] = useState(e.path);
  const action = useAction();
  const call: Call = { method: 'POST', path: files(e.path, 'rename'), body: { to } };
  const rename = () => to !== e.path && action.run(async () => {
    await send(call);
    toast(t('Renamed to {path}', { path: to }));
    onClose(to);
  });
  return (
    <Dialog id="rename" title={t('Rename or move {name}', { name: e.name })} onClose={() => onClose()} onSubmit={rename} calls={[call]}
      footer={<><Button onClick={() => onClose()}>{t('Cancel')}</Button><Button type="submit" kind="primary" busy={action.busy} disabled={to === e.path || !to.startsWith('/')} id="rename-save">{t('Rename')}</Button></>}>
      <TextField label={t('New path')} value={to} onText={v => { setTo(v); action.clear(); }} mono testid="rename-to" hint={t('Another folder of the same mount moves it there.')}
        error={action.error?.field === 'to' ? action.error.message : undefined} />
      {action.error && action.error.field !== 'to' && <ErrorBlock error={action.error} what={t('It was not renamed')} />}
    </Dialog>
  );
}

const DRY_MAX = 25;

export function DeleteDialog({ entries, onClose }: { entries: Entry[]; onClose: (done?: boolean) => void }) {
  const [onlyHere, setOnlyHere] = useState(false);
  const calls = entries.map((e): Call => ({ method: 'DELETE', path: files(e.path), query: { recursive: e.type === 'directory' || undefined, only_here: onlyHere || undefined } }));
  const dry = useDryRun<Change>(calls.slice(0, DRY_MAX));
  const action = useAction();
  const remove = () => action.run(async () => {
    for (const call of calls) await send(call);
    toast(entries.length === 1 ? t('{name} deleted', { name: entries[0]?.name ?? '' }) : t('{n, plural, one {# entry} other {# entries}} deleted', { n: entries.length }));
    onClose(true);
  });
  const title = entries.length === 1 ? t('Delete {name}?', { name: entries[0]?.name ?? '' }) : t('Delete {n, plural, one {# entry} other {# entries}}?', { n: entries.length });
  return (
    <Dialog id="delete" title={title} onClose={() => onClose()} onSubmit={() => dry.data && remove()} calls={calls.slice(0, DRY_MAX)}
      footer={<><Button focus onClick={() => onClose()}>{t('Cancel')}</Button><Button type="submit" kind="solid" busy={action.busy} disabled={!dry.data} id="confirm">{t('Delete')}</Button></>}>
      <p>{onlyHere ? t('They leave Isthmus and its cache; the store keeps them, and the next comparison brings them back.') : t('Deleted here and in the store. This cannot be undone.')}</p>
      {!dry.data && !dry.error && <Loading what={t('the consequences')} rows={2} />}
      {dry.data && <Effects effects={sumEffects(dry.data.map(d => d.effects))} />}
      {calls.length > DRY_MAX && <p class="dim gap-top">{t('Numbers are of the first {n}.', { n: DRY_MAX })}</p>}
      {dry.error && <ErrorBlock error={dry.error} what={t('It cannot be deleted')} />}
      <div class="gap-top"><Check checked={onlyHere} onCheck={setOnlyHere} testid="delete-only-here">{t('Only here: leave the store as it is')}</Check></div>
      {action.error && <ErrorBlock error={action.error} what={t('It was not deleted')} />}
    </Dialog>
  );
}
