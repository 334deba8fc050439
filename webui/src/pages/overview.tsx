// SPDX-License-Identifier: Apache-2.0
// overview: six figures, what needs attention, cache by tier, reads by source, mounts, journal, running tasks.
import { useRef } from 'preact/hooks';
import { count, duration, percent, size, sizeParts } from '../format';
import { mark, t } from '../i18n';
import { browseUrl } from '../router';
import type { Journal, List, Mount, Overview as Facts, Task, Tier, Worker } from '../types';
import { Ago, Bar, Facts as FactList, Section, Status } from '../ui/controls';
import { stateOf, useFetch, usePage } from '../ui/data';
import { ErrorBlock, Loading } from '../ui/states';
import { MountHealth } from './mounts/health';

interface Sample { at: number; used: number; ratio: number; served: number; fetched: number; waiting: number; entries: number; errors: number }
const samples: Sample[] = [];

// One sample for each answer; rates come from the two newest.
function sample(facts: Facts, errors: number): { rate: number; last: Sample } {
  const w = facts.worker, at = Date.now(), before = samples[samples.length - 1];
  const served = w.bytes_from_cache + w.bytes_from_store;
  const next: Sample = { at, used: sum(w.tiers, x => x.used_bytes), ratio: w.hits + w.misses ? w.hits / (w.hits + w.misses) : 0,
    served, fetched: w.bytes_from_store, waiting: facts.namespace.to_persist, entries: facts.namespace.inodes, errors };
  if (!before || at - before.at > 2000) samples.push(next);
  if (samples.length > 120) samples.shift();
  const from = samples[samples.length - 2] ?? next;
  const last = samples[samples.length - 1] ?? next;
  return { rate: last.at > from.at ? Math.max(0, (last.served - from.served) * 1000 / (last.at - from.at)) : 0, last };
}

const sum = (tiers: Tier[], of: (x: Tier) => number) => tiers.reduce((n, x) => n + of(x), 0);

function Spark({ of }: { of: (s: Sample, i: number) => number }) {
  const values = samples.map(of);
  if (values.length < 3) return <dd class="sparkline" aria-hidden="true" />;
  const low = Math.min(...values), span = Math.max(...values) - low || 1;
  const d = values.map((v, i) => `${i ? 'L' : 'M'}${(100 * i / (values.length - 1)).toFixed(1)} ${(16 - 14 * (v - low) / span).toFixed(1)}`).join('');
  return <dd class="sparkline" aria-hidden="true"><svg class="spark" viewBox="0 0 100 18" preserveAspectRatio="none"><path d={d} /></svg></dd>;
}

interface FigureProps { name: string; value: string; unit?: string; note: string; id: string; raw: number; of: (s: Sample, i: number) => number }
const Figure = ({ name, value, unit, note, id, raw, of }: FigureProps) => (
  <div class="fig" data-testid={`figure-${id}`} data-value={raw}>
    <dt>{name}</dt><dd>{value}{unit && <small> {unit}</small>}</dd><dd class="note clip" title={note}>{note}</dd><Spark of={of} />
  </div>
);

function Figures({ facts, mounts }: { facts: Facts; mounts: Mount[] }) {
  const w = facts.worker, errors = mounts.reduce((n, m) => n + m.errors, 0);
  const { rate, last } = sample(facts, errors);
  const quota = sum(w.tiers, x => x.quota_bytes), dirty = sum(w.tiers, x => x.dirty_bytes);
  const [used, usedUnit] = sizeParts(last.used), [served, servedUnit] = sizeParts(rate);
  const n = facts.namespace;
  return (
    <dl class="figs">
      <Figure id="cache" raw={last.used} name={t('Cache used')} value={used} unit={t('{unit} of {whole}', { unit: usedUnit, whole: size(quota) })}
        note={t('{share}, {pinned} pinned', { share: percent(last.used, quota), pinned: size(sum(w.tiers, x => x.pinned_bytes)) })} of={s => s.used} />
      <Figure id="hits" raw={last.ratio} name={t('Hit ratio since start')} value={w.hits + w.misses ? percent(w.hits, w.hits + w.misses) : '–'}
        note={t('{n} of {all} pages', { n: count(w.hits), all: count(w.hits + w.misses) })} of={s => s.ratio} />
      <Figure id="served" raw={rate} name={t('Served now')} value={served} unit={`${servedUnit}/s`}
        note={t('{bytes} since start', { bytes: size(last.served) })} of={(s, i) => s.served - (samples[i - 1]?.served ?? s.served)} />
      <Figure id="waiting" raw={n.to_persist} name={t('Waiting to be persisted')} value={count(n.to_persist)} unit={t('{n, plural, one {file} other {files}}', { n: n.to_persist })}
        note={dirty ? t('{bytes} not in a store yet', { bytes: size(dirty) }) : t('everything is in its store')} of={s => s.waiting} />
      <Figure id="entries" raw={n.inodes} name={t('Entries')} value={count(n.inodes)} note={t('{a}, {b}', { a: t('{n, plural, one {# file} other {# files}}', { n: n.files }), b: t('{n, plural, one {# folder} other {# folders}}', { n: n.directories }) })} of={s => s.entries} />
      <Figure id="errors" raw={errors} name={t('Store errors since start')} value={count(errors)}
        note={errors ? mounts.filter(m => m.errors).map(m => `${m.path} ${m.errors}`).join(', ') : t('{n, plural, one {# mount} other {# mounts}}', { n: mounts.length })} of={s => s.errors} />
    </dl>
  );
}

const ATTENTION: Record<string, string> = { mount_failing: mark('{subject} cannot be reached') };

function Attention({ items }: { items: Facts['attention'] }) {
  return (
    <Section title={t('Needs attention')} meta={items.length || undefined}>
      {items.length === 0 && <p class="dim gap-top" data-testid="attention-none">{t('Nothing needs attention.')}</p>}
      <ul class="attn">
        {items.map((a, i) => {
          const isMount = a.code === 'mount_failing', head = ATTENTION[a.code];
          return (
            <li key={i} data-testid={`attention-${a.code}`}>
              <Status state={isMount || a.subject === 'error' ? 'bad' : 'warn'}>{''}</Status>
              <span>{head && <b>{t(head, { subject: a.subject })} </b>}<span class="dim">{a.text}</span></span>
              {isMount && <a href="/ui/mounts">{t('Mounts')}</a>}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Tiers({ worker }: { worker: Worker }) {
  return (
    <Section title={t('Capacity by tier')} meta={t('full strength: pinned')}>
      {worker.tiers.map((tier, i) => {
        const cls = `x${Math.min(i, 2)}`, free = tier.used_bytes - tier.pinned_bytes;
        const label = t('{tier}: {used} of {quota} used', { tier: tier.alias, used: size(tier.used_bytes), quota: size(tier.quota_bytes) });
        return (
          <div class="tierrow" key={tier.path} title={tier.path}>
            <b class="strong">{tier.alias}</b>
            {tier.ok ? <Bar big label={label} whole={tier.quota_bytes} parts={[[cls, tier.pinned_bytes], [`${cls} soft`, free]]} /> : <Status state="bad">{tier.failure ?? t('fails')}</Status>}
            <span class="num">{size(tier.used_bytes)} <span class="dim2">{t('of {whole}', { whole: size(tier.quota_bytes) })}</span></span>
          </div>
        );
      })}
    </Section>
  );
}

function Reads({ worker: w }: { worker: Worker }) {
  const whole = w.bytes_from_cache + w.bytes_from_store;
  const label = t('{cache} from the cache, {store} from stores', { cache: size(w.bytes_from_cache), store: size(w.bytes_from_store) });
  return (
    <Section title={t('Reads by source')} meta={t('since start')}>
      <div class="gap-top"><Bar big label={label} whole={whole} parts={[['x1', w.bytes_from_cache], ['x3', w.bytes_from_store]]} /></div>
      <FactList rows={[[t('From the cache'), `${size(w.bytes_from_cache)} · ${percent(w.bytes_from_cache, whole)}`], [t('From stores'), size(w.bytes_from_store)],
        [t('Written'), size(w.bytes_written)], [t('Damaged pages'), w.bad_pages ? <Status state="warn">{count(w.bad_pages)}</Status> : '0'],
        [t('Started'), <Ago key="a" at={w.started} />]]} />
    </Section>
  );
}

function JournalFacts({ journal: j }: { journal: Journal }) {
  return (
    <Section title={t('Journal')} meta={j.state}>
      <FactList rows={[[t('Applied'), t('entry {n}', { n: j.applied_index })], [t('Checkpoint'), <><Ago at={j.last_checkpoint} /> · {t('{n, plural, one {# entry} other {# entries}} since', { n: j.entries_since_checkpoint })}</>],
        [t('Log'), size(j.log_bytes)], [t('Database'), `${size(j.database_bytes)} + ${size(j.wal_bytes)}`], [t('Term'), `${j.term} · ${j.engine}`]]} />
    </Section>
  );
}

function MountList({ mounts }: { mounts: Mount[] }) {
  return (
    <Section title={t('Stores')} right={<a href="/ui/mounts">{t('All mounts')}</a>}>
      <table class="t"><tbody>
        {mounts.slice(0, 8).map(m => (
          <tr key={m.id}><td><a class="mono" href={browseUrl(m.path)}>{m.path}</a></td><td class="mono dim clip lo">{m.uri}</td><td class="num"><MountHealth mount={m} /></td></tr>))}
      </tbody></table>
    </Section>
  );
}

function RunningTasks({ tasks }: { tasks: Task[] }) {
  const running = tasks.filter(x => x.state === 'running' || x.state === 'queued').slice(0, 5);
  return (
    <Section title={t('Running tasks')} right={<a href="/ui/tasks">{t('All tasks')}</a>}>
      {running.length === 0 && <p class="dim gap-top">{t('None.')}</p>}
      <table class="t"><tbody>
        {running.map(x => (
          <tr key={x.id}><td>{x.kind} <span class="mono">{x.path}</span></td>
            <td class="num"><Bar label={percent(x.done, x.total)} whole={x.total} parts={[['xp', x.done]]} /></td>
            <td class="num dim">{x.started && duration(Date.now() - Date.parse(x.started))}</td></tr>))}
      </tbody></table>
    </Section>
  );
}

export function Overview() {
  const facts = useFetch<Facts>('/overview', undefined, 5000);
  const mounts = useFetch<List<Mount>>('/mounts', undefined, 5000);
  const tasks = useFetch<List<Task>>('/tasks', undefined, 5000);
  const shown = useRef(facts.data);
  shown.current = facts.data ?? shown.current;
  usePage(t('Overview'), facts.data ? `${facts.data.node} · ${facts.data.version}` : '', stateOf(facts));
  const d = shown.current;
  return (
    <div class="page">
      {facts.error && facts.error.code !== 'offline' && <ErrorBlock error={facts.error} what={t('The overview cannot be read')} retry={facts.reload} />}
      {!d && !facts.error && <Loading what={t('the server')} />}
      {d && <Figures facts={d} mounts={mounts.data?.items ?? []} />}
      {d && <Attention items={d.attention} />}
      {d && <div class="cols c73"><div><MountList mounts={mounts.data?.items ?? []} /><RunningTasks tasks={tasks.data?.items ?? []} /></div>
        <div><Tiers worker={d.worker} /><Reads worker={d.worker} /><JournalFacts journal={d.journal} /></div></div>}
    </div>
  );
}
