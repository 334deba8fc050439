// SPDX-License-Identifier: Apache-2.0
// rest: the drawer with the calls this page made, newest first, each as text for a shell.
import { useState } from 'preact/hooks';
import { curlOf, log, pathOf } from '../api';
import { t } from '../i18n';
import { store, useStore } from '../store';
import { Button, Status } from './controls';
import { Code, useFocusTrap } from './overlay';

export const isRestOpen = store(false);

function Drawer() {
  const calls = useStore(log);
  const [open, setOpen] = useState(0);
  const close = () => isRestOpen.set(false);
  const ref = useFocusTrap(close);
  return (
    <div class="drawer" role="dialog" aria-modal="true" aria-label={t('REST calls')} ref={ref} tabIndex={-1} data-testid="rest-drawer">
      <header><h2>{t('REST calls of this page')}</h2><Button icon="x" kind="ghost" label={t('Close')} onClick={close} /></header>
      <div>
        <p class="dim small">{t('Every action here is one call. Those below were made by this page.')} <a href="/api/v1/openapi.json" target="_blank" rel="noreferrer">{t('Machine-readable description')}</a></p>
        <ul class="gap-top">
          {calls.map(c => (
            <li key={c.id}>
              <div class="row">
                <span class={`tag ${c.call.method === 'DELETE' ? 'bad' : c.call.method === 'GET' ? '' : 'accent'}`}>{c.call.method}</span>
                <button type="button" class="link mono clip grow" onClick={() => setOpen(open === c.id ? 0 : c.id)} aria-expanded={open === c.id}>{pathOf(c.call)}</button>
                {c.status >= 400 ? <Status state="bad">{c.status}</Status> : <span class="dim2">{c.status}</span>}
                <span class="dim2 num">{t('{n} ms', { n: c.ms })}</span>
              </div>
              {open === c.id && <Code text={curlOf(c.call)} />}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

export const RestHost = () => useStore(isRestOpen) ? <Drawer /> : null;
