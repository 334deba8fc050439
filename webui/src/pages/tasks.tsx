// SPDX-License-Identifier: Apache-2.0
// tasks: work in the background.
import { count, percent } from '../format';
import { t } from '../i18n';
import { browseUrl } from '../router';
import type { List, Task } from '../types';
import { Ago, Bar, type State, Status } from '../ui/controls';
import { stateOf, useFetch, usePage } from '../ui/data';
import { Empty, ErrorBlock, Loading } from '../ui/states';

const MARK: Record<string, State> = { running: 'run', queued: 'off', done: 'ok', failed: 'bad', waiting: 'warn' };

export function Tasks() {
  const tasks = useFetch<List<Task>>('/tasks', undefined, 3000);
  const items = tasks.data?.items ?? [];
  usePage(t('Tasks'), tasks.data ? t('{n, plural, one {# task} other {# tasks}}', { n: items.length }) : '', tasks.data && !items.length ? 'empty' : stateOf(tasks));
  return (
    <div class="page">
      {tasks.error && tasks.error.code !== 'offline' && <ErrorBlock error={tasks.error} what={t('The tasks cannot be read')} retry={tasks.reload} />}
      {!tasks.data && !tasks.error && <Loading what={t('the tasks')} />}
      {tasks.data && !items.length && <Empty title={t('No task')} text={t('Long work, such as loading a folder or persisting files, appears here while it runs.')} />}
      {items.length > 0 && <div class="scrollx"><table class="t">
        <thead><tr><th class="lo">{t('Id')}</th><th>{t('What')}</th><th>{t('State')}</th><th>{t('Progress')}</th><th class="num">{t('Done')}</th><th class="lo">{t('Started')}</th></tr></thead>
        <tbody>{items.map(x => (
          <tr key={x.id} data-row data-testid={`task-row-${x.id}`}>
            <td class="mono lo">{x.id}</td><td>{x.kind} {x.path && <a class="mono" href={browseUrl(x.path)}>{x.path}</a>}{x.error && <div class="small"><Status state="bad">{x.error}</Status></div>}</td>
            <td><Status state={MARK[x.state] ?? 'off'}>{x.state}</Status></td>
            <td><Bar label={percent(x.done, x.total)} whole={x.total} parts={[['xp', x.done]]} /> <span class="dim">{percent(x.done, x.total)}</span></td>
            <td class="num">{count(x.done)} <span class="dim2">{t('of {whole}', { whole: count(x.total) })}</span></td><td class="lo"><Ago at={x.started} /></td>
          </tr>))}</tbody>
      </table></div>}
    </div>
  );
}
