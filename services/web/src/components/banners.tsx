import type { SystemStatus } from '@mediajob/contract';
import { useEffect, useState } from 'react';
import { connection } from '../api/live-updates.ts';
import { useSystem } from '../api/queries.ts';
import { fill } from '../i18n/formatter.ts';
import { type I18n, useI18n } from '../i18n/i18n.tsx';
import { Notice } from './notice.tsx';
import { useStore } from './store.ts';

interface BannerText {
  readonly tone: 'warning' | 'danger';
  readonly what: string;
  readonly next: string;
}

/** What is wrong with the network and the services, where there is something to know for whoever uses the page. */
export function Banners() {
  const i18n = useI18n();
  const online = useOnline();
  const lost = useStore(connection) === 'lost';
  const system = useSystem();
  const { m } = i18n;
  const texts: BannerText[] = [];
  if (!online) texts.push({ tone: 'warning', what: m.banner.offline, next: m.banner.offlineNext });
  else if (lost) texts.push({ tone: 'warning', what: m.banner.lost, next: m.banner.lostNext });
  else if (system.data !== undefined) texts.push(...systemTexts(system.data, i18n));
  return (
    <div className="banners" role="status">
      {texts.map((text) => (
        <Notice key={text.what} {...text} />
      ))}
    </div>
  );
}

/** The sentences for what a system lacks. */
function systemTexts(system: SystemStatus, { m, f }: I18n): BannerText[] {
  // Jobs of a cluster do not wait for these services.
  const isDown = (name: 'converter' | 'transcriber') => {
    if (system.runtime === 'kubernetes') return false;
    const instances = system.services.filter((service) => service.name === name);
    return instances.length > 0 && instances.every((service) => service.state === 'down');
  };
  const converter = isDown('converter');
  const transcriber = isDown('transcriber');
  const texts: BannerText[] = [];
  const warn = (what: string, next: string) => texts.push({ tone: 'warning', what, next });
  if (system.cluster?.state === 'down') warn(m.banner.cluster, m.banner.clusterNext);
  else if (system.cluster?.state === 'degraded') warn(m.banner.clusterRefuses, m.banner.clusterRefusesNext);
  if (converter && transcriber) warn(m.banner.workers, m.banner.workersNext);
  else if (converter) warn(m.banner.converter, m.banner.converterNext);
  else if (transcriber) warn(m.banner.transcriber, m.banner.transcriberNext);
  if (system.storage.state === 'full') {
    texts.push({ tone: 'danger', what: m.banner.diskFull, next: m.banner.diskFullNext });
  } else if (system.storage.state === 'low') {
    warn(fill(m.banner.diskLow, { free: f.bytes(system.storage.freeBytes) }), m.banner.diskLowNext);
  }
  if (system.models.length > 0 && !system.models.some((model) => model.installed)) {
    warn(m.banner.noModel, fill(m.banner.noModelNext, { model: system.limits.defaultModel }));
  }
  return texts;
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = () => setOnline(navigator.onLine);
    window.addEventListener('online', update);
    window.addEventListener('offline', update);
    return () => {
      window.removeEventListener('online', update);
      window.removeEventListener('offline', update);
    };
  }, []);
  return online;
}
