// SPDX-License-Identifier: Apache-2.0
// form: add and edit a mount. The options are drawn from GET /stores/kinds; the test stands beside them.
import { useState } from 'preact/hooks';
import { type ApiError, send } from '../../api';
import { mark, t } from '../../i18n';
import type { Freshness, Kind, KindField, Mount, MountTest } from '../../types';
import { Button, Check, SelectField, TextField } from '../../ui/controls';
import { useAction } from '../../ui/data';
import { Icon } from '../../ui/icon';
import { Dialog, toast } from '../../ui/overlay';
import { ErrorBlock, meaningOf } from '../../ui/states';
import { addCall, editCall, emptyForm, formOf, isBasic, keptSecrets, kindOf, labelOf, listOf, type MountForm, startOf, testCall } from './model';

const STEPS: Record<string, string> = {
  resolve: mark('Store is found'), tls: mark('Certificate is valid'), sign_in: mark('Sign-in works'), list: mark('List'), read: mark('Read'), write: mark('Write'),
};

function OptionField({ field, form, set, error, isKept }: { field: KindField; form: MountForm; set: (v: string) => void; error?: string; isKept: boolean }) {
  const common = { label: labelOf(field), title: field.name, hint: field.help ? t(field.help) : undefined, error, onText: set, value: form.options[field.name] ?? '', testid: `mount-option-${field.name}` };
  const choices = field.type === 'bool' ? ['true', 'false'] : listOf(field.choices);
  if (choices.length) {
    const none = field.default ? t('default: {value}', { value: field.default }) : t('default');
    const words: Record<string, string> = field.type === 'bool' ? { true: t('yes'), false: t('no') } : {};
    return <SelectField {...common} options={[['', none], ...choices.map((c): [string, string] => [c, words[c] ?? c])]} />;
  }
  if (field.type === 'secret') return <TextField {...common} type="password" autocomplete="new-password" placeholder={isKept ? t('unchanged') : ''} />;
  return <TextField {...common} mono placeholder={field.default ?? ''} required={field.required} />;
}

interface TestState { tested: string; result?: MountTest; error?: ApiError; busy: boolean }

function TestPane({ state, run, reason, stale }: { state: TestState; run: () => void; reason?: string; stale: boolean }) {
  const failed = state.result?.steps.find(s => s.state === 'failed');
  return (
    <div class="tcol" aria-live="polite">
      <div class="row"><h3>{t('Test')}</h3><Button icon="refresh" id="mount-test" busy={state.busy} reason={reason} onClick={run}>{state.result ? t('Test again') : t('Test')}</Button></div>
      {!state.result && !state.error && !state.busy && <p class="dim2 small gap-top">{t('The test signs in, lists, reads and writes a small file that it removes. It saves nothing.')}</p>}
      {state.busy && <p class="dim gap-top">{t('Trying the store; this takes at most 10 s.')}</p>}
      {state.result && !state.busy && (
        <ul class="teststeps" data-testid="mount-test-steps" data-ok={state.result.ok && !stale}>
          {state.result.steps.map(s => (
            <li key={s.step} class={s.state} data-testid={`mount-test-${s.step}`} data-step-state={s.state}>
              <Icon name={s.state === 'ok' ? 'check' : s.state === 'failed' ? 'fail' : 'minus'} />
              <span>{t(STEPS[s.step] ?? s.step)}</span>
              <span class="num">{s.state === 'skipped' ? t('not run') : t('{n} ms', { n: s.ms })}</span>
            </li>))}
        </ul>
      )}
      {state.error && <ErrorBlock error={state.error} />}
      {failed?.error && <div class="block" role="alert" data-testid="mount-test-error"><h3>{meaningOf(failed.error.code) ?? t('This step failed')}</h3><p>{failed.error.message}</p></div>}
      {state.result?.ok && !stale && <p class="dim gap-top">{t('The store answers as it should.')}</p>}
      {state.result && stale && <p class="dim2 small gap-top">{t('Values changed since the test.')}</p>}
    </div>
  );
}

function Common({ form, set }: { form: MountForm; set: (change: Partial<MountForm>) => void }) {
  return (
    <>
      <div class="fld"><span class="lbl">{t('Access')}</span><div>
        <Check checked={form.readOnly} onCheck={readOnly => set({ readOnly })} testid="mount-read-only">{t('Read-only: nothing here can change the store')}</Check>
        <Check checked={form.shared} onCheck={shared => set({ shared })} testid="mount-shared">{t('Shared: everyone who signs in may use it')}</Check>
      </div></div>
      <SelectField label={t('Freshness')} value={form.freshness} hint={t('How soon changes made elsewhere are seen.')} testid="mount-freshness"
        onText={v => set({ freshness: v as Freshness })}
        options={[['never', t('never: nothing else changes the store')], ['interval', t('by age: compare when older than')], ['manual', t('manual: when asked to')]]} />
      {form.freshness === 'interval' && <TextField label={t('Age in seconds')} type="number" min="0" step="any" value={form.intervalS} onText={intervalS => set({ intervalS })} testid="mount-interval" />}
    </>
  );
}

// Add, or with `mount` edit.
export function MountDialog({ kinds, mount, onClose }: { kinds: Kind[]; mount?: Mount; onClose: () => void }) {
  const first = mount ? kindOf(kinds, mount.uri) ?? kinds.find(k => k.kind === mount.kind) : kinds.find(k => k.kind === 's3') ?? kinds[0];
  const [kind, setKind] = useState(first);
  const [form, setForm] = useState<MountForm>(mount ? formOf(mount) : emptyForm(first));
  const [force, setForce] = useState(false);
  const [test, setTest] = useState<TestState>({ tested: '', busy: false });
  const action = useAction();
  const set = (change: Partial<MountForm>) => setForm(f => ({ ...f, ...change }));
  const pick = (k: Kind) => { setKind(k); setForm(f => ({ ...f, uri: startOf(k), options: {} })); setTest({ tested: '', busy: false }); };

  const values = JSON.stringify(testCall(form));
  const isStale = test.tested !== values;
  const runTest = async () => {
    setTest({ tested: values, busy: true });
    try {
      setTest({ tested: values, busy: false, result: await send<MountTest>(testCall(form)) });
    } catch (error) {
      setTest({ tested: values, busy: false, error: error as ApiError });
    }
  };
  const kept = mount ? keptSecrets(mount) : [];
  const untyped = kept.some(name => !form.options[name]);
  const passed = (test.result?.ok && !isStale) || force || !!mount;
  const call = mount ? editCall(form, mount) : addCall(form);
  const save = () => passed && action.run(async () => {
    await send(call);
    toast(mount ? t('{path} changed', { path: form.path }) : t('{path} mounted', { path: form.path }));
    onClose();
  });

  const wrong = action.error?.field ? action.error : undefined;
  const failed = isStale ? undefined : test.result?.steps.find(s => s.state === 'failed')?.error;
  // A store that refuses the credentials does not say which: the secret is the likelier one.
  const secret = failed?.code === 'store_auth' && !failed.field ? kind?.fields.find(f => f.type === 'secret')?.name : undefined;
  const errorAt = (name: string): string | undefined =>
    wrong?.field === name ? wrong.message : test.error?.field === name && !isStale ? test.error.message : failed && (failed.field ?? secret) === name ? failed.message : undefined;
  const option = (f: KindField) => <OptionField key={f.name} field={f} form={form} error={errorAt(f.name)} isKept={kept.includes(f.name)}
    set={v => set({ options: { ...form.options, [f.name]: v } })} />;
  const basic = kind?.fields.filter(isBasic) ?? [], more = kind?.fields.filter(f => !isBasic(f)) ?? [];
  const note = passed ? (force && !mount ? t('Not tested') : '') : test.result && !test.result.ok ? t('Fix what is marked and test again') : t('Test it before it is mounted');

  return (
    <Dialog id={mount ? 'edit-mount' : 'add-mount'} title={mount ? t('Edit {path}', { path: mount.path }) : t('Add mount')} wide plain onClose={onClose} onSubmit={save}
      calls={mount ? [call] : [testCall(form), call]}
      footer={<><span class="grow">{note}</span><Button onClick={onClose}>{t('Cancel')}</Button>
        <Button type="submit" kind="primary" busy={action.busy} disabled={!passed} id="mount-save">{mount ? t('Save') : t('Mount')}</Button></>}>
      <div class={`addm${mount ? ' edit' : ''}`}>
        {!mount && <div class="kinds" role="group" aria-label={t('Kind of store')}><h3>{t('Kind of store')}</h3>
          {kinds.map(k => <button type="button" key={k.kind} aria-pressed={k.kind === kind?.kind} data-testid={`mount-kind-${k.kind}`} onClick={() => pick(k)}>{t(k.label)}</button>)}
        </div>}
        <div class="fcol">
          {action.error && !action.error.field && <ErrorBlock error={action.error} />}
          <TextField label={t('Appears as')} mono value={form.path} onText={path => set({ path })} disabled={!!mount} testid="mount-path" error={errorAt('path')}
            hint={mount ? undefined : t('A new folder. Names inside the store stay as they are.')} />
          <TextField label={t('Store address')} mono value={form.uri} onText={uri => set({ uri })} disabled={!!mount} testid="mount-uri" error={errorAt('uri')}
            hint={mount ? undefined : kind?.kind === 'file' ? t('A folder on this machine, such as file:///data/shared.') : t('Bucket and folder, such as {example}.', { example: `${kind ? startOf(kind) : ''}bucket/folder` })} />
          {basic.map(option)}
          <Common form={form} set={set} />
          {(more.length > 0 || !mount) && <details open={more.some(f => errorAt(f.name))}><summary>{t('More options ({n})', { n: more.length + (mount ? 0 : 1) })}</summary>
            {more.map(option)}
            {!mount && <div class="fld"><span class="lbl">{t('Without a test')}</span><div><Check checked={force} onCheck={setForce} testid="mount-force">{t('Mount without a passing test')}</Check></div></div>}
          </details>}
        </div>
        <TestPane state={test} stale={isStale} run={() => void runTest()} reason={untyped ? t('Type the secret again to test with it') : undefined} />
      </div>
    </Dialog>
  );
}
