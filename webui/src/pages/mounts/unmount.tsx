// SPDX-License-Identifier: Apache-2.0
// unmount: says what would be lost before anything is.
import { useState } from 'preact/hooks';
import { type Call, files, send } from '../../api';
import { count, size } from '../../format';
import { t } from '../../i18n';
import type { Change, Mount } from '../../types';
import { Button, Status, TextField } from '../../ui/controls';
import { useAction, useDryRun, useFetch } from '../../ui/data';
import { Dialog, toast } from '../../ui/overlay';
import { Effects, ErrorBlock, Loading } from '../../ui/states';

export function UnmountDialog({ mount, onClose }: { mount: Mount; onClose: () => void }) {
  const call: Call = { method: 'DELETE', path: `/mounts/${mount.id}` };
  const dry = useDryRun<Change>([call]);
  const usage = useFetch<{ files: number; directories: number; bytes: number; cached_bytes: number }>(files(mount.path), { usage: '' }).data;
  const action = useAction();
  const [typed, setTyped] = useState('');
  const effects = dry.data?.[0]?.effects ?? [];
  const loses = effects.some(e => e.severity === 'loss' && e.count > 0);
  const remove = () => action.run(async () => {
    await send(call);
    toast(t('{path} unmounted', { path: mount.path }));
    onClose();
  });
  const ready = !!dry.data && (!loses || typed === mount.path);
  return (
    <Dialog id="unmount" title={t('Unmount {path}?', { path: mount.path })} onClose={onClose} onSubmit={() => ready && remove()} calls={[call]}
      footer={<><Button focus onClick={onClose}>{t('Cancel')}</Button><Button type="submit" kind="solid" busy={action.busy} disabled={!ready} id="confirm">{t('Unmount')}</Button></>}>
      <p>{t('The folder disappears from Isthmus.')} <b>{t('Nothing in {uri} is changed.', { uri: mount.uri })}</b></p>
      <p class="dim gap-top">{t('Clients that read below it get “not found”.')}</p>
      {!dry.data && !dry.error && <Loading what={t('the consequences')} rows={2} />}
      {usage && (
        <ul class="effects" data-testid="unmount-usage">
          <li data-value={usage.files}><Status state="ok">{t('{n, plural, one {# file} other {# files}}', { n: usage.files })}</Status><span>{t('in {folders} folders leave Isthmus, {bytes}', { folders: count(usage.directories), bytes: size(usage.bytes) })}</span></li>
          <li data-value={usage.cached_bytes}><Status state="ok">{size(usage.cached_bytes)}</Status><span>{t('of cache is freed')}</span></li>
        </ul>
      )}
      <Effects effects={effects} />
      {dry.error && <ErrorBlock error={dry.error} what={t('It cannot be unmounted now')} />}
      {loses && <div class="stack gap-top"><TextField label={t('To lose these files and unmount now, type {path}', { path: mount.path })} value={typed} onText={setTyped} testid="confirm-name" mono /></div>}
      {action.error && <ErrorBlock error={action.error} what={t('It was not unmounted')} />}
    </Dialog>
  );
}
