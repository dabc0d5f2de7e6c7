import {
  ConfigMaps,
  Controller,
  HttpKubeApi,
  Informers,
  Jobs,
  kubeConfigAccess,
  owns,
  systemClock,
  watches,
} from '@mediajob/kube';
import { Registry } from 'prom-client';

const environment = { clock: systemClock, random: Math.random, log: console };
const registry = new Registry();
const access = await kubeConfigAccess(environment); // KUBECONFIG, ~/.kube/config, or the pod's service account
const api = new HttpKubeApi({ access, environment, registry, userAgent: 'backup-operator/1.0' });

const informers = new Informers({ api, environment, registry, namespaces: ['backups'] });
const plans = informers.of(ConfigMaps, { labelSelector: 'backup=plan' });
const jobs = informers.of(Jobs, {
  indexes: { owner: ({ metadata }) => metadata.ownerReferences?.map((it) => it.uid) ?? [] },
});

const controller = new Controller({
  name: 'backup',
  environment,
  registry,
  primary: plans,
  watches: [watches(jobs, owns(ConfigMaps))],
  async reconcile(key, { signal }) {
    const plan = plans.store.get(key);
    if (plan === undefined || jobs.store.byIndex('owner', plan.metadata.uid).length > 0) return;
    const { namespace = '', name, uid } = plan.metadata;
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true };
    const containers = [{ name: 'backup', image: plan.data?.image ?? 'backup' }];
    const job = await api.create(
      Jobs,
      {
        apiVersion: Jobs.apiVersion,
        kind: Jobs.kind,
        metadata: { namespace, name, ownerReferences: [owner] },
        spec: { template: { spec: { restartPolicy: 'Never', containers } } },
      },
      { signal },
    );
    jobs.put(job); // the next reconcile sees it, though its event may come later
  },
});

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const caches = informers.run(stop.signal);
await controller.run(stop.signal);
await caches;
await api.close();
