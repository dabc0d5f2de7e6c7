import type { ModelStatus, SystemStatus } from '@mediajob/contract';
import { useSystem } from '../api/queries.ts';
import { Loading } from '../components/empty.tsx';
import { ErrorNotice } from '../components/notice.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { ProgressBar } from '../components/progress-bar.tsx';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import type { Messages } from '../i18n/messages.ts';

/** Whether everything works: services, disk, models, jobs. */
export function SystemScreen() {
  const { m, f } = useI18n();
  usePageTitle(m.system.title);
  const system = useSystem();
  const status = system.data;
  return (
    <div className="screen">
      <div className="section-head">
        <h1>{m.system.title}</h1>
        {status === undefined ? null : (
          <span className={`health health-${status.health}`}>{m.system.health[status.health]}</span>
        )}
      </div>
      {system.isPending ? <Loading label={m.app.loading} lines={5} /> : null}
      {system.isError ? <ErrorNotice error={system.error} onRetry={() => void system.refetch()} /> : null}
      {status === undefined ? null : (
        <>
          <Services status={status} />
          {status.cluster === undefined ? null : <Cluster cluster={status.cluster} />}
          <div className="system-columns">
            <Disk storage={status.storage} />
            <JobCounts jobs={status.jobs} />
          </div>
          <Models models={status.models} />
          <p className="hint">
            {fill(m.system.running, { version: status.version, since: f.dateTime(status.startedAt) })}{' '}
            {m.system.runtime[status.runtime]}
          </p>
        </>
      )}
    </div>
  );
}

function Services({ status }: { readonly status: SystemStatus }) {
  const { m, f } = useI18n();
  const whenDown = { ...m.system.whenDown, ...(status.runtime === 'kubernetes' ? m.system.whenDownOnCluster : {}) };
  return (
    <section aria-labelledby="system-services">
      <h2 id="system-services">{m.system.services}</h2>
      <table className="facts">
        <thead>
          <tr>
            <th scope="col">{m.system.name}</th>
            <th scope="col">{m.system.state}</th>
            <th scope="col">{m.system.load}</th>
            <th scope="col" className="facts-wide">
              {m.system.address}
            </th>
            <th scope="col" className="facts-wide">
              {m.system.version}
            </th>
          </tr>
        </thead>
        <tbody>
          {status.services.map((service) => (
            <tr key={`${service.name} ${service.address}`}>
              <th scope="row">
                {service.name}
                <span className="facts-note">{m.system.what[service.name]}</span>
              </th>
              <td>
                <span className={`health health-${service.state}`}>{m.system.stateOf[service.state]}</span>
                {service.state === 'up' ? null : (
                  <span className="facts-note">
                    {service.state === 'down' ? whenDown[service.name] : service.detail}
                  </span>
                )}
              </td>
              <td className="facts-load">
                {service.capacity === undefined
                  ? '–'
                  : fill(m.system.loadValue, {
                      running: f.number(service.running ?? 0),
                      capacity: f.number(service.capacity),
                    })}
                {service.queued ? <span className="facts-note">{f.count(m.system.queued, service.queued)}</span> : null}
              </td>
              <td className="mono facts-wide">{service.address}</td>
              <td className="mono facts-wide">{service.version ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cluster({ cluster }: { readonly cluster: NonNullable<SystemStatus['cluster']> }) {
  const { m, f } = useI18n();
  const { state, namespace, since, detail, queued } = cluster;
  return (
    <section aria-labelledby="system-cluster">
      <h2 id="system-cluster">{m.system.cluster}</h2>
      <p>
        <span className={`health health-${state}`}>{m.system.clusterState[state]}</span>{' '}
        {state === 'up' ? '' : fill(m.system.clusterSince, { time: f.dateTime(since) })}{' '}
        {queued === 0 ? '' : f.count(m.system.clusterQueued, queued)}
      </p>
      {state === 'up' || detail === undefined ? null : <p className="hint">{detail}</p>}
      <p className="hint">{fill(m.system.clusterNamespace, { name: namespace })}</p>
    </section>
  );
}

function Disk({ storage }: { readonly storage: SystemStatus['storage'] }) {
  const { m, f } = useI18n();
  const used = storage.totalBytes - storage.freeBytes;
  return (
    <section aria-labelledby="system-disk">
      <h2 id="system-disk">{m.system.disk}</h2>
      <p>
        {fill(m.system.diskUse, { free: f.bytes(storage.freeBytes), total: f.bytes(storage.totalBytes) })}.{' '}
        {m.system.diskState[storage.state]}
      </p>
      <ProgressBar
        percent={(used / Math.max(1, storage.totalBytes)) * 100}
        label={m.system.diskLabel}
        tone={storage.state === 'ok' ? 'accent' : 'quiet'}
      />
      <p className="hint">{fill(m.system.diskReserve, { reserve: f.bytes(storage.reserveBytes) })}</p>
    </section>
  );
}

function JobCounts({ jobs }: { readonly jobs: SystemStatus['jobs'] }) {
  const { m, f } = useI18n();
  const counts = Object.entries(jobs).filter(([, n]) => n > 0);
  return (
    <section aria-labelledby="system-jobs">
      <h2 id="system-jobs">{m.system.jobs}</h2>
      {counts.length === 0 ? <p className="hint">{m.system.noJobs}</p> : null}
      <dl className="counts">
        {counts.map(([phase, n]) => (
          <div key={phase}>
            <dt>{m.phase[phase as keyof SystemStatus['jobs']]}</dt>
            <dd>{f.number(n)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** What a model is good for: in the reader's language where the page knows it. */
function aboutModel(model: ModelStatus, m: Messages): string {
  const known: Readonly<Record<string, string>> = m.models;
  return known[model.name] ?? model.description;
}

function Models({ models }: { readonly models: SystemStatus['models'] }) {
  const { m, f } = useI18n();
  return (
    <section aria-labelledby="system-models">
      <h2 id="system-models">{m.system.models}</h2>
      {models.length === 0 ? <p className="hint">{m.system.noModels}</p> : null}
      {models.length === 0 ? null : (
        <table className="facts">
          <thead>
            <tr>
              <th scope="col">{m.system.model}</th>
              <th scope="col">{m.system.state}</th>
              <th scope="col" className="facts-number">
                {m.system.size}
              </th>
            </tr>
          </thead>
          <tbody>
            {models.map((model) => (
              <tr key={model.name} className={model.installed ? undefined : 'is-absent'}>
                <th scope="row">
                  {model.name}
                  <span className="facts-note">
                    {model.languages <= 1 ? m.system.english : f.count(m.system.knows, model.languages)}
                    {aboutModel(model, m) === '' ? '' : ` · ${aboutModel(model, m)}`}
                  </span>
                </th>
                <td>
                  {[
                    model.installed ? m.system.installed : m.system.notInstalled,
                    model.default ? m.system.isDefault : '',
                  ]
                    .filter(Boolean)
                    .join(', ')}
                </td>
                <td className="facts-number">{f.bytes(model.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
