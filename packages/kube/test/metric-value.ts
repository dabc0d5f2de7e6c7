import type { Registry } from 'prom-client';

/** One value of a metric; of a histogram, by the name with `_count` or `_sum`. Undefined when it has none. */
export async function metricValue(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const metric = registry.getSingleMetric(name) ?? registry.getSingleMetric(name.replace(/_(count|sum)$/, ''));
  const values = (await metric?.get())?.values ?? [];
  const found = values.find(
    (it) =>
      (!('metricName' in it) || it.metricName === name) &&
      Object.entries(labels).every(([key, value]) => (it.labels as Record<string, unknown>)[key] === value),
  );
  return found?.value;
}
