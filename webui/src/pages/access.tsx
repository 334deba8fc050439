// SPDX-License-Identifier: Apache-2.0
// access: own password, tokens and sessions; people for administrators. /ui/access/{account,tokens,users,sessions}
import { useState } from 'preact/hooks';
import { send, session, signedIn } from '../api';
import { t } from '../i18n';
import { setQuery, useRoute } from '../router';
import { may } from '../shell';
import type { List, SessionInfo, Token, User } from '../types';
import { Ago, Button, Facts, Status, TextField } from '../ui/controls';
import { stateOf, useAction, useFetch, usePage } from '../ui/data';
import { openMenu, toast } from '../ui/overlay';
import { Empty, ErrorBlock, Loading } from '../ui/states';
import { ConfirmDialog, roleText, TokenDialog, UserDialog } from './access_dialogs';

function Account() {
  const who = session.get();
  const [old, setOld] = useState(''), [next, setNext] = useState('');
  const action = useAction();
  usePage(t('Access'), who?.user ?? '', 'ready');
  if (!who) return null;
  const save = (e: Event) => {
    e.preventDefault();
    action.run(async () => {
      await send({ method: 'PATCH', path: `/users/${encodeURIComponent(who.user)}`, body: { old_password: old, password: next } });
      signedIn({ ...who, must_change_password: false });
      setOld('');
      setNext('');
      toast(t('The password is changed'));
    });
  };
  return (
    <div class="cols"><div>
      <h2 class="strong">{t('You')}</h2>
      <Facts rows={[[t('Name'), who.user], [t('Role'), roleText(who.role)], [t('Groups'), who.groups.join(', ') || '–']]} />
    </div><div>
      <h2 class="strong">{t('Password')}</h2>
      <form class="gap-top" onSubmit={save}>
        <TextField label={t('Present password')} type="password" autocomplete="current-password" value={old} onText={setOld} testid="password-old" />
        <TextField label={t('New password')} type="password" autocomplete="new-password" value={next} onText={setNext} testid="password-new" hint={t('At least 10 characters; length counts more than signs.')} />
        <Button type="submit" kind="primary" busy={action.busy} disabled={!old || next.length < 10} id="password-save">{t('Change the password')}</Button>
      </form>
      {action.error && <ErrorBlock error={action.error} what={t('The password was not changed')} />}
    </div></div>
  );
}

function Tokens() {
  const { query } = useRoute();
  const tokens = useFetch<List<Token>>('/tokens');
  const items = tokens.data?.items ?? [], gone = items.find(x => x.id === query.id);
  usePage(t('Access'), t('{n, plural, one {# token} other {# tokens}}', { n: items.length }), stateOf(tokens));
  return (
    <>
      <div class="tools"><Button icon="plus" kind="primary" id="token-add" onClick={() => setQuery({ dlg: 'token' })}>{t('New token')}</Button></div>
      {tokens.error && <ErrorBlock error={tokens.error} retry={tokens.reload} />}
      {!tokens.data && !tokens.error && <Loading what={t('the tokens')} />}
      {tokens.data && !items.length && <Empty title={t('No token')} text={t('A token lets a program call the API in your name, with at most your role.')} />}
      {items.length > 0 && <div class="scrollx"><table class="t">
        <thead><tr><th>{t('For')}</th><th class="lo">{t('Whose')}</th><th>{t('Role')}</th><th class="lo">{t('Paths')}</th><th class="lo">{t('Made')}</th><th class="lo">{t('Last used')}</th><th>{t('Ends')}</th><th /></tr></thead>
        <tbody>{items.map(x => (
          <tr key={x.id} data-row data-testid={`token-row-${x.label}`}>
            <td>{x.label}</td><td class="lo">{x.user}</td><td>{roleText(x.role)}{x.read_only && `, ${t('read-only')}`}</td><td class="mono lo">{x.scope || '/'}</td>
            <td class="lo"><Ago at={x.created} /></td><td class="lo"><Ago at={x.last_used} /></td><td><Ago at={x.expires} /></td>
            <td class="acts"><Button kind="danger" id="token-revoke" onClick={() => setQuery({ dlg: 'revoke', id: x.id })}>{t('Revoke…')}</Button></td>
          </tr>))}</tbody>
      </table></div>}
      {query.dlg === 'token' && <TokenDialog onClose={() => setQuery({ dlg: undefined })} />}
      {query.dlg === 'revoke' && gone && <ConfirmDialog title={t('Revoke “{label}”?', { label: gone.label })} text={t('Programs that use it are refused from now on.')} verb={t('Revoke')}
        call={{ method: 'DELETE', path: `/tokens/${encodeURIComponent(gone.id)}` }} done={t('Revoked')} onClose={() => setQuery({ dlg: undefined, id: undefined })} />}
    </>
  );
}

function Users() {
  const { query } = useRoute();
  const users = useFetch<List<User>>('/users');
  const items = users.data?.items ?? [], one = items.find(u => u.name === query.id);
  usePage(t('Access'), t('{n, plural, one {# person} other {# people}}', { n: items.length }), stateOf(users));
  const close = () => setQuery({ dlg: undefined, id: undefined });
  const menu = (e: MouseEvent, u: User) => openMenu(e, [
    { text: t('Edit…'), icon: 'edit', run: () => setQuery({ dlg: 'user', id: u.name }) },
    null,
    { text: t('Remove…'), icon: 'trash', danger: true, id: 'menu-remove-user', run: () => setQuery({ dlg: 'remove', id: u.name }) },
  ]);
  return (
    <>
      <div class="tools"><Button icon="plus" kind="primary" id="user-add" onClick={() => setQuery({ dlg: 'user' })}>{t('Add person')}</Button></div>
      {users.error && <ErrorBlock error={users.error} retry={users.reload} />}
      {!users.data && !users.error && <Loading what={t('the people')} />}
      {items.length > 0 && <div class="scrollx"><table class="t">
        <thead><tr><th>{t('Name')}</th><th>{t('Role')}</th><th class="lo">{t('Groups')}</th><th>{t('State')}</th><th class="lo">{t('Last seen')}</th><th /></tr></thead>
        <tbody>{items.map(u => (
          <tr key={u.name} data-row data-testid={`user-row-${u.name}`}>
            <td>{u.name}</td><td>{roleText(u.role)}</td><td class="lo">{u.groups.join(', ') || '–'}</td>
            <td>{u.disabled ? <Status state="off">{t('may not sign in')}</Status> : <Status state="ok">{t('in use')}</Status>}</td><td class="lo"><Ago at={u.last_seen} /></td>
            <td class="acts"><Button icon="more" kind="ghost" popup label={t('Actions for {path}', { path: u.name })} id="row-menu" onClick={e => menu(e, u)} /></td>
          </tr>))}</tbody>
      </table></div>}
      {query.dlg === 'user' && (!query.id || one) && <UserDialog user={one} onClose={close} />}
      {query.dlg === 'remove' && one && <ConfirmDialog title={t('Remove {name}?', { name: one.name })} text={t('Sessions and tokens of this person end at once. Files keep their owner.')} verb={t('Remove')}
        call={{ method: 'DELETE', path: `/users/${encodeURIComponent(one.name)}` }} done={t('Removed')} onClose={close} />}
    </>
  );
}

function Sessions() {
  const sessions = useFetch<List<SessionInfo>>('/sessions');
  const items = sessions.data?.items ?? [];
  const action = useAction();
  usePage(t('Access'), t('{n, plural, one {# session} other {# sessions}}', { n: items.length }), stateOf(sessions));
  const end = (s: SessionInfo) => action.run(async () => {
    await send({ method: 'DELETE', path: `/sessions/${encodeURIComponent(s.id)}` });
    toast(t('Session ended'));
  });
  return (
    <>
      {(sessions.error ?? action.error) && <ErrorBlock error={sessions.error ?? action.error} retry={sessions.reload} />}
      {!sessions.data && !sessions.error && <Loading what={t('the sessions')} />}
      {items.length > 0 && <div class="scrollx"><table class="t">
        <thead><tr><th>{t('Who')}</th><th>{t('From')}</th><th class="lo">{t('Signed in')}</th><th>{t('Last used')}</th><th /></tr></thead>
        <tbody>{items.map(s => (
          <tr key={s.id} data-row><td>{s.user} {s.current && <span class="tag">{t('this one')}</span>}</td><td class="mono">{s.from}</td><td class="lo"><Ago at={s.created} /></td><td><Ago at={s.last_used} /></td>
            <td class="acts">{!s.current && <Button disabled={action.busy} onClick={() => end(s)}>{t('Sign out')}</Button>}</td></tr>))}</tbody>
      </table></div>}
    </>
  );
}

export function Access() {
  const { path } = useRoute();
  const tab = path.split('/')[2] ?? 'account';
  const tabs: [string, string][] = [['account', t('Account')], ['tokens', t('Tokens')], ['sessions', t('Sessions')], ...(may('admin') ? [['users', t('People')] as [string, string]] : [])];
  return (
    <div class="page">
      <nav class="tabs" aria-label={t('Access')}>{tabs.map(([id, text]) => <a key={id} href={`/ui/access/${id}`} aria-current={tab === id ? 'page' : undefined} data-testid={`access-${id}`}>{text}</a>)}</nav>
      <div class="gap-top">{tab === 'tokens' ? <Tokens /> : tab === 'users' && may('admin') ? <Users /> : tab === 'sessions' ? <Sessions /> : <Account />}</div>
    </div>
  );
}
