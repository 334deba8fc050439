// SPDX-License-Identifier: Apache-2.0
// shell: rail, top bar, banner, the keys that work everywhere. Only the content scrolls.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { isOffline, lastAnswer, send, session } from './api';
import { ago } from './format';
import { lang, mark, setLang, t } from './i18n';
import { navigate } from './router';
import { useStore } from './store';
import { theme, toggleTheme } from './theme';
import type { Overview, Role } from './types';
import { Button } from './ui/controls';
import { forget, pageInfo, useFetch } from './ui/data';
import { Icon, type IconName, Mark } from './ui/icon';
import { openMenu } from './ui/overlay';
import { isRestOpen } from './ui/rest';

interface NavEntry { name: string; text: string; icon: IconName; key?: string; from?: Role }
const NAV: NavEntry[][] = [
  [{ name: 'overview', text: mark('Overview'), icon: 'overview', key: 'o' }, { name: 'browse', text: mark('Browse'), icon: 'folder', key: 'b' }],
  [{ name: 'mounts', text: mark('Mounts'), icon: 'mount', key: 'm' }, { name: 'tasks', text: mark('Tasks'), icon: 'tasks', key: 't' }],
  [{ name: 'access', text: mark('Access'), icon: 'key' }, { name: 'config', text: mark('Configuration'), icon: 'sliders' },
    { name: 'logs', text: mark('Logs'), icon: 'logs', from: 'operator' }],
];
const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export const may = (role: Role): boolean => RANK[session.get()?.role ?? 'viewer'] >= RANK[role];
// Why a button is off, in words; undefined when it is not.
export const needs = (role: Role): string | undefined =>
  may(role) ? undefined : role === 'admin' ? t('Only an administrator may do this') : t('Only an operator or administrator may do this');

const hrefOf = (name: string) => name === 'browse' ? '/ui/browse/' : `/ui/${name}`;
const allowed = (entries: NavEntry[]) => entries.filter(e => !e.from || may(e.from));

export async function signOut(): Promise<void> {
  await send({ method: 'DELETE', path: '/session' });
  forget();
  session.set(null);
  navigate('/ui/login');
}

function Rail({ page, facts }: { page: string; facts: Overview | undefined }) {
  const attention = facts?.attention.filter(a => a.code === 'mount_failing').length ?? 0;
  const who = useStore(session);
  return (
    <div class="rail">
      <a class="brand" href="/ui/overview"><Mark />Isthmus</a>
      <nav class="nav" aria-label={t('Pages')}>
        {NAV.map((group, i) => (
          <ul key={i}>{allowed(group).map(e => (
            <li key={e.name}><a href={hrefOf(e.name)} aria-current={page === e.name ? 'page' : undefined} data-testid={`nav-${e.name}`}>
              <Icon name={e.icon} />{t(e.text)}
              {e.name === 'mounts' && attention > 0 && <span class="n warn">{attention}</span>}
            </a></li>))}
          </ul>))}
      </nav>
      <div class="railfoot"><b>{who?.cluster.node}</b>{who?.cluster.version}</div>
    </div>
  );
}

function userMenu(e: MouseEvent) {
  openMenu(e, [
    { text: t('Password and tokens'), icon: 'key', id: 'menu-account', run: () => navigate('/ui/access/account') },
    { text: theme.get() === 'dark' ? t('Light theme') : t('Dark theme'), icon: theme.get() === 'dark' ? 'sun' : 'moon', run: toggleTheme },
    { text: lang.get() === 'en' ? '中文' : 'English', run: () => void setLang(lang.get() === 'en' ? 'zh-CN' : 'en') },
    null,
    { text: t('Sign out'), icon: 'out', id: 'sign-out', run: () => void signOut() },
  ]);
}

function Top() {
  const info = useStore(pageInfo);
  const offline = useStore(isOffline);
  const dark = useStore(theme) === 'dark';
  const who = useStore(session);
  return (
    <header class="top">
      <h1>{info.title}</h1><span class="sub clip grow">{info.facts}</span>
      <span class={`live${offline ? ' off' : ''}`}><i />{offline ? t('offline') : t('live')}</span>
      <Button icon="code" kind="ghost" label={t('REST calls')} id="open-rest" onClick={() => isRestOpen.set(true)} />
      <span class="hide-s"><Button icon={dark ? 'sun' : 'moon'} kind="ghost" label={dark ? t('Light theme') : t('Dark theme')} id="toggle-theme" onClick={toggleTheme} /></span>
      <span class="hide-s"><Button kind="ghost" id="toggle-lang" onClick={() => void setLang(lang.get() === 'en' ? 'zh-CN' : 'en')}>{lang.get() === 'en' ? '中文' : 'English'}</Button></span>
      <Button icon="user" kind="ghost" popup label={t('User menu')} id="user-menu" onClick={userMenu}>{who?.user}</Button>
    </header>
  );
}

function Banner() {
  const offline = useStore(isOffline), at = useStore(lastAnswer), who = useStore(session);
  if (offline) return <div class="banner warn" role="status" data-testid="banner">{t('No connection. What is shown was read {age}.', { age: ago(new Date(at).toISOString()) })}</div>;
  if (who?.must_change_password)
    return <div class="banner info" role="status" data-testid="banner">{t('You signed in with the one-time password.')} <a href="/ui/access/account">{t('Choose your own')}</a></div>;
  return <div class="banner" hidden />;
}

function PhoneBar({ page }: { page: string }) {
  const rest = allowed(NAV.flat()).slice(4);
  const more = (e: MouseEvent) => openMenu(e, rest.map(x => ({ text: t(x.text), icon: x.icon, run: () => navigate(hrefOf(x.name)) })));
  return (
    <nav class="phonebar" aria-label={t('Pages')}>
      {NAV.flat().slice(0, 4).map(e => <a key={e.name} href={hrefOf(e.name)} aria-current={page === e.name ? 'page' : undefined}><Icon name={e.icon} />{t(e.text)}</a>)}
      <button type="button" onClick={more} aria-haspopup="menu" aria-current={rest.some(e => e.name === page) ? 'page' : undefined}><Icon name="menu" />{t('More')}</button>
    </nav>
  );
}

export const inField = (e: KeyboardEvent) => (e.target as Element).closest('input:not([type=checkbox]),select,textarea,[role=dialog],[role=menu]') !== null;

function useGlobalKeys() {
  useEffect(() => {
    let went = 0;
    const onKey = (e: KeyboardEvent) => {
      if (inField(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      const entry = NAV.flat().find(n => n.key === e.key.toLowerCase());
      if (e.key === 'R' && e.shiftKey) isRestOpen.set(!isRestOpen.get());
      else if (Date.now() - went < 1200 && entry) { e.stopImmediatePropagation(); navigate(hrefOf(entry.name)); went = 0; }
      else if (e.key === 'g') went = Date.now();
    };
    document.addEventListener('keydown', onKey, true);
    return () => document.removeEventListener('keydown', onKey, true);
  }, []);
}

export function Shell({ page, children }: { page: string; children: ComponentChildren }) {
  const info = useStore(pageInfo);
  const facts = useFetch<Overview>('/overview', undefined, 5000);
  useGlobalKeys();
  return (
    <div class="shell">
      <a class="skip" href="#main">{t('To the content')}</a>
      <Rail page={page} facts={facts.data} />
      <Top />
      <Banner />
      <main class="main" id="main" tabIndex={-1} data-state={info.state} data-page={page}>{children}</main>
      <PhoneBar page={page} />
    </div>
  );
}
