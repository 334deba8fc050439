// SPDX-License-Identifier: Apache-2.0
// access_dialogs: new token, person, and the question before something ends.
import { useState } from 'preact/hooks';
import { type Call, send, session } from '../api';
import { t } from '../i18n';
import type { Role, User } from '../types';
import { Button, Check, SelectField, TextField } from '../ui/controls';
import { useAction } from '../ui/data';
import { copyText, Dialog, toast } from '../ui/overlay';
import { ErrorBlock } from '../ui/states';

export const roleText = (role: Role): string => role === 'admin' ? t('administrator') : role === 'operator' ? t('operator') : t('viewer');
const ROLES: Role[] = ['viewer', 'operator', 'admin'];
const roleOptions = (upTo: Role): [string, string][] => ROLES.slice(0, ROLES.indexOf(upTo) + 1).map(r => [r, roleText(r)]);

export function ConfirmDialog({ title, text, verb, call, done, onClose }: { title: string; text: string; verb: string; call: Call; done: string; onClose: () => void }) {
  const action = useAction();
  const go = () => action.run(async () => {
    await send(call);
    toast(done);
    onClose();
  });
  return (
    <Dialog id="confirm" title={title} onClose={onClose} onSubmit={go} calls={[call]}
      footer={<><Button onClick={onClose}>{t('Cancel')}</Button><Button type="submit" kind="solid" busy={action.busy} id="confirm">{verb}</Button></>}>
      <p>{text}</p>
      {action.error && <ErrorBlock error={action.error} />}
    </Dialog>
  );
}

export function TokenDialog({ onClose }: { onClose: () => void }) {
  const own = session.get()?.role ?? 'viewer';
  const [label, setLabel] = useState(''), [role, setRole] = useState<string>(own), [scope, setScope] = useState('/');
  const [readOnly, setReadOnly] = useState(false), [days, setDays] = useState('90'), [made, setMade] = useState('');
  const action = useAction();
  const expires = Number(days) > 0 ? new Date(Date.now() + Number(days) * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z') : null;
  const call: Call = { method: 'POST', path: '/tokens', body: { label, role, scope, read_only: readOnly, expires } };
  const save = () => action.run(async () => setMade((await send<{ token: string }>(call)).token));
  if (made)
    return (
      <Dialog id="token-made" title={t('Token for {label}', { label })} onClose={onClose}
        footer={<><Button icon="copy" onClick={() => void copyText(made)}>{t('Copy')}</Button><Button kind="primary" onClick={onClose}>{t('Close')}</Button></>}>
        <p>{t('It is shown this once. Keep it where the program that needs it can read it and nobody else.')}</p>
        <p class="secret gap-top" data-testid="token-value">{made}</p>
      </Dialog>
    );
  return (
    <Dialog id="token" title={t('New token')} onClose={onClose} onSubmit={() => label && save()} calls={[call]}
      footer={<><Button onClick={onClose}>{t('Cancel')}</Button><Button type="submit" kind="primary" busy={action.busy} disabled={!label} id="token-save">{t('Make the token')}</Button></>}>
      <TextField label={t('What it is for')} value={label} onText={setLabel} testid="token-label" />
      <SelectField label={t('Role')} value={role} onText={setRole} options={roleOptions(own)} hint={t('At most your own.')} />
      <TextField label={t('Paths below')} value={scope} onText={setScope} mono />
      <TextField label={t('Days it lives')} value={days} onText={setDays} type="number" min="0" hint={t('0: it does not end by itself.')} />
      <div class="fld"><span class="lbl">{t('Rights')}</span><Check checked={readOnly} onCheck={setReadOnly}>{t('Read-only: it may not change anything')}</Check></div>
      {action.error && <ErrorBlock error={action.error} />}
    </Dialog>
  );
}

export function UserDialog({ user, onClose }: { user?: User; onClose: () => void }) {
  const [name, setName] = useState(user?.name ?? ''), [password, setPassword] = useState('');
  const [role, setRole] = useState<string>(user?.role ?? 'viewer'), [groups, setGroups] = useState(user?.groups.join(', ') ?? '');
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const action = useAction();
  const body = { role, groups: groups.split(',').map(g => g.trim()).filter(Boolean), ...(password ? { password } : {}) };
  const call: Call = user ? { method: 'PATCH', path: `/users/${encodeURIComponent(user.name)}`, body: { ...body, disabled } } : { method: 'POST', path: '/users', body: { name, ...body } };
  const ready = name !== '' && (user ? password === '' || password.length >= 10 : password.length >= 10);
  const save = () => ready && action.run(async () => {
    await send(call);
    toast(user ? t('{path} changed', { path: name }) : t('{path} added', { path: name }));
    onClose();
  });
  return (
    <Dialog id="user" title={user ? t('Edit {path}', { path: user.name }) : t('Add person')} onClose={onClose} onSubmit={save} calls={[call]}
      footer={<><Button onClick={onClose}>{t('Cancel')}</Button><Button type="submit" kind="primary" busy={action.busy} disabled={!ready} id="user-save">{user ? t('Save') : t('Add')}</Button></>}>
      <TextField label={t('Name')} value={name} onText={setName} disabled={!!user} testid="user-name" error={action.error?.field === 'name' ? action.error.message : undefined} />
      <TextField label={t('Password')} type="password" autocomplete="new-password" value={password} onText={setPassword} testid="user-password"
        placeholder={user ? t('unchanged') : ''} hint={t('At least 10 characters; length counts more than signs.')} />
      <SelectField label={t('Role')} value={role} onText={setRole} options={roleOptions('admin')} testid="user-role" />
      <TextField label={t('Groups')} value={groups} onText={setGroups} hint={t('Separated by commas.')} />
      {user && <div class="fld"><span class="lbl">{t('Sign-in')}</span><Check checked={disabled} onCheck={setDisabled}>{t('This person may not sign in')}</Check></div>}
      {action.error && action.error.field !== 'name' && <ErrorBlock error={action.error} />}
    </Dialog>
  );
}
