// SPDX-License-Identifier: Apache-2.0
// config: every setting with value, default and origin. Those that may change at run time are set here; the rest in the file.
import { useState } from 'preact/hooks';
import { type Call, send } from '../api';
import { t } from '../i18n';
import { setQuery, useRoute } from '../router';
import { may } from '../shell';
import type { List, Setting } from '../types';
import { Button, Facts, SelectField, TextField } from '../ui/controls';
import { stateOf, useAction, useFetch, usePage } from '../ui/data';
import { Dialog, toast } from '../ui/overlay';
import { Empty, ErrorBlock, Loading } from '../ui/states';

function EditDialog({ setting: s, onClose }: { setting: Setting; onClose: () => void }) {
  const [value, setValue] = useState(s.value);
  const action = useAction();
  const call: Call = { method: 'PATCH', path: '/config', body: { values: { [s.key]: value } } };
  const choices = s.type === 'bool' ? ['true', 'false'] : s.type === 'choice' ? (s.bounds ?? '').split('|') : [];
  const save = () => action.run(async () => {
    await send(call);
    toast(t('{key} is now {value}', { key: s.key, value }));
    onClose();
  });
  return (
    <Dialog id="setting" title={s.key} onClose={onClose} onSubmit={save} calls={[call]}
      footer={<><span class="grow">{t('It holds until the next start; the file stays as it is.')}</span><Button onClick={onClose}>{t('Cancel')}</Button>
        <Button type="submit" kind="primary" busy={action.busy} disabled={value === s.value} id="setting-save">{t('Set')}</Button></>}>
      <p>{s.help}</p>
      <div class="stack gap-top">
        {choices.length ? <SelectField label={t('Value')} value={value} onText={setValue} options={choices.map((c): [string, string] => [c, c])} testid="setting-value" />
          : <TextField label={t('Value')} value={value} onText={setValue} mono testid="setting-value" error={action.error?.message} />}
      </div>
      <Facts rows={[[t('Default'), s.default || '–'], [t('Allowed'), s.bounds || '–'], [t('From'), s.source]]} />
    </Dialog>
  );
}

export function Config() {
  const { query } = useRoute();
  const config = useFetch<List<Setting>>('/config');
  const filter = query.filter ?? '', changed = query.changed === '1';
  const all = config.data?.items ?? [];
  const shown = all.filter(s => (!changed || s.value !== s.default) && `${s.key} ${s.help}`.toLowerCase().includes(filter.toLowerCase()));
  const open = all.find(s => s.key === query.key);
  usePage(t('Configuration'), config.data ? t('{n, plural, one {# setting} other {# settings}}', { n: all.length }) : '', stateOf(config));
  return (
    <div class="page">
      <div class="tools">
        <input class="in" type="search" aria-label={t('Filter')} placeholder={t('Filter by name or text')} value={filter} data-testid="config-filter"
          onInput={e => setQuery({ filter: e.currentTarget.value || undefined }, true)} />
        <Button pressed={changed} onClick={() => setQuery({ changed: changed ? undefined : '1' })}>{t('Changed')}</Button>
      </div>
      {config.error && config.error.code !== 'offline' && <ErrorBlock error={config.error} what={t('The settings cannot be read')} retry={config.reload} />}
      {!config.data && !config.error && <Loading what={t('the settings')} rows={10} />}
      {config.data && !shown.length && <Empty title={t('No setting matches')}><Button onClick={() => setQuery({ filter: undefined, changed: undefined })}>{t('Clear the filter')}</Button></Empty>}
      {shown.length > 0 && <div class="scrollx"><table class="t">
        <thead><tr><th>{t('Setting')}</th><th>{t('Value')}</th><th class="lo">{t('Default')}</th><th class="lo">{t('From')}</th><th>{t('Takes effect')}</th></tr></thead>
        <tbody>{shown.map(s => (
          <tr key={s.key} data-row data-testid={`config-row-${s.key}`}>
            <td class="brk"><code>{s.key}</code><div class="dim small">{s.help}</div></td>
            <td class="mono brk">{s.value === s.default ? s.value || '–' : <b>{s.value || '–'}</b>}</td>
            <td class="mono dim brk lo">{s.default || '–'}</td><td class="dim lo brk">{s.source}</td>
            <td>{s.live ? may('admin') ? <button type="button" class="link" onClick={() => setQuery({ key: s.key })}>{t('at once')}</button> : t('at once') : <span class="dim">{t('after a restart')}</span>}</td>
          </tr>))}</tbody>
      </table></div>}
      {open?.live && may('admin') && <EditDialog setting={open} onClose={() => setQuery({ key: undefined })} />}
    </div>
  );
}
