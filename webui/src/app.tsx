// SPDX-License-Identifier: Apache-2.0
// app: who is signed in decides between gate and shell; the address decides the page.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, isExpired, session, signedIn } from './api';
import { lang, t } from './i18n';
import { navigate, urlOf, useRoute } from './router';
import { useStore } from './store';
import type { Session } from './types';
import { Gate, SignInDialog } from './pages/login';
import { Overview } from './pages/overview';
import { Shell } from './shell';
import { usePage } from './ui/data';
import { MenuHost, ToastHost } from './ui/overlay';
import { RestHost } from './ui/rest';
import { asError, Empty, ErrorBlock, Loading } from './ui/states';

type Loader = () => Promise<ComponentType>;
const LATER: Record<string, Loader> = {
  browse: async () => (await import('./pages/browse/browse')).Browse,
  mounts: async () => (await import('./pages/mounts/mounts')).Mounts,
  tasks: async () => (await import('./pages/tasks')).Tasks,
  access: async () => (await import('./pages/access')).Access,
  config: async () => (await import('./pages/config')).Config,
  logs: async () => (await import('./pages/logs')).Logs,
};
const loaded = new Map<string, ComponentType>([['overview', Overview]]);

function Nowhere() {
  usePage(t('Not found'), '', 'empty');
  return <div class="page"><Empty title={t('There is no such page')}><a class="btn" href="/ui/overview">{t('Overview')}</a></Empty></div>;
}

function LoadFailed() {
  usePage('Isthmus', '', 'error');
  return <div class="page"><ErrorBlock error={new Error(t('The page could not be loaded. The server may have been updated.'))} retry={() => location.reload()} /></div>;
}

function Page({ name }: { name: string }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const load = LATER[name];
    if (loaded.has(name) || !load) return;
    load().then(c => loaded.set(name, c), () => loaded.set(name, LoadFailed)).then(() => redraw(n => n + 1));
  }, [name]);
  const Found = loaded.get(name) ?? (name in LATER ? null : Nowhere);
  return Found ? <Found /> : <div class="page"><Loading what={t('the page')} /></div>;
}

function useSessionAtStart() {
  const [state, setState] = useState<{ isKnown: boolean; error?: unknown }>({ isKnown: false });
  const read = () => get<Session>('/session').then(
    s => { signedIn(s); setState({ isKnown: true }); },
    e => setState(asError(e).status === 401 ? { isKnown: true } : { isKnown: false, error: e }));
  useEffect(() => { void read(); }, []);
  return { ...state, read };
}

export function App() {
  useStore(lang);
  const { path, query } = useRoute();
  const who = useStore(session);
  const expired = useStore(isExpired);
  const start = useSessionAtStart();
  const name = path.split('/')[1] ?? '';

  useEffect(() => {
    if (!start.isKnown) return;
    if (!who && name !== 'login') navigate(urlOf('/login', { next: path === '/' ? undefined : location.pathname + location.search }), true);
    if (who && name === 'login') navigate(query.next?.startsWith('/ui/') ? query.next : '/ui/overview', true);
    if (who && name === '') navigate('/ui/overview', true);
  }, [start.isKnown, who, name]);

  if (start.error) return <div class="page"><ErrorBlock error={start.error} what={t('The server cannot be reached')} retry={() => void start.read()} /></div>;
  if (!start.isKnown) return null;
  if (!who) return <><Gate /><ToastHost /></>;
  return (
    <>
      <Shell page={name}><Page name={name} key={name} /></Shell>
      <RestHost /><MenuHost /><ToastHost />
      {expired && <SignInDialog />}
    </>
  );
}

