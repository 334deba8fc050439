// SPDX-License-Identifier: Apache-2.0
// login: the gate, and the same form as a dialog over a page whose session ended.
import { useState } from 'preact/hooks';
import { send, session, signedIn } from '../api';
import { lang, setLang, t } from '../i18n';
import { useStore } from '../store';
import { theme, toggleTheme } from '../theme';
import type { Session } from '../types';
import { Button, TextField } from '../ui/controls';
import { useAction } from '../ui/data';
import { Mark } from '../ui/icon';
import { Dialog } from '../ui/overlay';
import { ErrorBlock } from '../ui/states';

function useSignIn(first: string) {
  const [name, setName] = useState(first);
  const [password, setPassword] = useState('');
  const action = useAction();
  const submit = () => action.run(async () => {
    signedIn(await send<Session>({ method: 'POST', path: '/session', body: { name, password } }));
  });
  const fields = (
    <>
      <TextField label={t('Name')} value={name} onText={setName} autocomplete="username" testid="login-name" required autofocus={!first} />
      <TextField label={t('Password')} type="password" value={password} onText={setPassword} autocomplete="current-password" testid="login-password" required autofocus={!!first} />
    </>
  );
  const isWrong = action.error?.code === 'unauthenticated';
  const error = action.error && (isWrong
    ? <div class="block" role="alert" data-testid="login-error"><h3>{t('The name or the password is wrong.')}</h3></div>
    : <ErrorBlock error={action.error} />);
  return { fields, error, submit, busy: action.busy, ready: name !== '' && password !== '' };
}

const Shores = () => (
  <svg class="shore" viewBox="0 0 400 560" preserveAspectRatio="none" aria-hidden="true">
    {Array.from({ length: 9 }, (_, i) => <path key={i} d={`M${90 - 26 * i} 0C${150 - 26 * i} 150 ${186 - 22 * i} 180 ${186 - 22 * i} 280S${150 - 26 * i} 410 ${90 - 26 * i} 560`} opacity={1 - i / 10} />)}
    {Array.from({ length: 9 }, (_, i) => <path key={`r${i}`} d={`M${310 + 26 * i} 0C${250 + 26 * i} 150 ${218 + 22 * i} 180 ${218 + 22 * i} 280S${250 + 26 * i} 410 ${310 + 26 * i} 560`} opacity={1 - i / 10} />)}
  </svg>
);

export function Gate() {
  const form = useSignIn('');
  const dark = useStore(theme) === 'dark';
  const onSubmit = (e: Event) => { e.preventDefault(); form.submit(); };
  document.title = `${t('Sign in')} · Isthmus`;
  return (
    <div class="gate">
      <aside>
        <Shores />
        <div class="brand"><Mark size={28} />Isthmus</div>
        <p class="dim">{t('One namespace over many stores; the hot data close by.')}</p>
        <dl class="kv"><dt>{t('Address')}</dt><dd>{location.host}</dd></dl>
      </aside>
      <main class="form" data-state="ready" data-page="login">
        <h1>{t('Sign in')}</h1>
        <p class="lead">{t('Use your account on this node.')}</p>
        <form class="stack" onSubmit={onSubmit}>
          {form.fields}
          <Button type="submit" kind="primary block" busy={form.busy} disabled={!form.ready} id="login-submit">{t('Sign in')}</Button>
          {form.error}
        </form>
        <div class="foot">
          <button type="button" class="link" onClick={() => void setLang(lang.get() === 'en' ? 'zh-CN' : 'en')}>{lang.get() === 'en' ? '中文' : 'English'}</button>
          <button type="button" class="link" onClick={toggleTheme}>{dark ? t('Light theme') : t('Dark theme')}</button>
        </div>
      </main>
    </div>
  );
}

export function SignInDialog() {
  const form = useSignIn(session.get()?.user ?? '');
  return (
    <Dialog id="sign-in" title={t('Your session ended')} onSubmit={form.submit}
      footer={<Button type="submit" kind="primary" busy={form.busy} disabled={!form.ready} id="login-submit">{t('Sign in')}</Button>}>
      <p class="dim">{t('Sign in to go on. Nothing you typed is lost.')}</p>
      <div class="gap-top">{form.fields}</div>
      {form.error}
    </Dialog>
  );
}
