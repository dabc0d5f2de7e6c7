import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { aJob, aRunningJob, aWaitingJob } from '../../services/web/test/mock/jobs.ts';
import { PageBench } from './web-page.ts';

let bench: PageBench;
beforeAll(async () => {
  bench = await PageBench.start();
});
afterAll(() => bench?.stop());
afterEach(() => bench.tidy());

describe('the list of jobs', () => {
  it('follows the server without a reload: new jobs, progress, the end, deletion', async () => {
    const { server, url, world } = await bench.server();
    const { page, complaints } = await bench.open(`${url}/jobs`);
    await page.getByText('126 jobs').waitFor();
    const running = page.getByRole('row', { name: /Лекция 7/ });
    await running.getByText('58%').waitFor();
    server.updateJob(world.running, { progress: { percent: 91, text: '91%', etaSeconds: 20 } });
    await running.getByText('91%').waitFor();
    expect(await running.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('91');
    const fresh = server.addJob(aJob({ title: 'fresh.mp3', phase: 'Pending', ageMs: 0 }));
    server.publish({ type: 'job', job: fresh });
    await page.getByRole('row', { name: /fresh\.mp3/ }).waitFor();
    await page.getByText('127 jobs').waitFor();
    server.updateJob(world.running, aJob().status);
    await running.getByText('Done').waitFor();
    await page.getByText('Лекция 7. Теория вероятностей.mp4: the transcript is ready.').waitFor({ state: 'attached' });
    server.jobs.delete(fresh.metadata.uid);
    server.publish({ type: 'job-deleted', id: fresh.metadata.uid });
    await page.getByRole('row', { name: /fresh\.mp3/ }).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('draws a thousand changes at once without losing the focus', async () => {
    const { server, url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs`);
    const link = page.getByRole('link', { name: /Лекция 7/ });
    await link.focus();
    for (let at = 0; at < 1000; at += 1) {
      server.updateJob(world.running, { progress: { percent: at / 10, text: '', etaSeconds: 5 } });
    }
    await page
      .getByRole('row', { name: /Лекция 7/ })
      .getByText('99%')
      .waitFor();
    expect(await link.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('loads further pages as one scrolls, and searches and filters on the server', async () => {
    const { url } = await bench.server();
    const { page } = await bench.open(`${url}/jobs`);
    await page.getByRole('row', { name: /archive-000/ }).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(110);
    const last = page.getByRole('row', { name: /archive-119/ });
    await expect
      .poll(async () => {
        await page.keyboard.press('End');
        return last.count();
      })
      .toBe(1);
    await page.getByLabel('Search by name').fill('ИНТЕРВЬЮ');
    await page.getByText('1 job', { exact: true }).waitFor();
    await expect.poll(() => page.url()).toContain('search=');
    await page.getByLabel('Search by name').fill('');
    await page.getByRole('radio', { name: 'Failed' }).check();
    await page.getByRole('row', { name: /scan-0042/ }).waitFor();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
  });

  it('stops, runs again and deletes many at once, after asking', async () => {
    const { server, url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs`);
    await page.getByLabel('Select Лекция 7. Теория вероятностей.mp4').check();
    await page.getByLabel('Select scan-0042.mp3').check();
    const bar = page.getByRole('toolbar', { name: '2 selected' });
    await bar.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('row', { name: /Лекция 7.*Stopped/ }).waitFor();
    expect(server.jobs.get(world.failed)?.status.phase).toBe('Failed');
    await bar.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('dialog', { name: 'Delete 2 jobs?' }).waitFor();
    await page.keyboard.press('Escape');
    expect(server.jobs.has(world.failed)).toBe(true);
    await bar.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('row', { name: /scan-0042/ }).waitFor({ state: 'detached' });
    expect(server.jobs.has(world.running)).toBe(false);
  });

  it('can be used by keyboard alone: to a job’s menu, to its last action, and back', async () => {
    const { url } = await bench.server();
    const { page } = await bench.open(`${url}/jobs`);
    const trigger = page.getByRole('button', { name: 'Actions for scan-0042.mp3' });
    await trigger.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Run again' }).waitFor();
    await page.keyboard.press('End');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Delete…');
    await page.keyboard.press('Escape');
    await expect.poll(() => trigger.evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

describe('when something is wrong', () => {
  it.each([
    ['converter-down', 'The converter is not there right now.'],
    ['workers-down', 'The converter and the transcriber are not there right now.'],
    ['disk-full', 'The disk is full.'],
    ['no-model', 'No speech model is installed.'],
    ['cluster-down', 'The cluster does not answer right now.'],
  ] as const)('%s: it says so, and what follows', async (health, words) => {
    const { server, url } = await bench.server();
    server.health = health;
    const { page } = await bench.open(url);
    await page.locator('.banners').getByText(words).waitFor();
  });

  it('a server that answers with errors is told of, with a way to try again that works', async () => {
    const { server, url } = await bench.server();
    server.refuseAll = 'internal';
    const { page } = await bench.open(`${url}/jobs`, { language: 'ru' });
    await page.getByText('Ошибка на нашей стороне.').first().waitFor();
    server.refuseAll = undefined;
    await page.getByRole('button', { name: 'Повторить' }).first().click();
    await page.getByRole('row', { name: /Лекция 7/ }).waitFor();
  });

  it('a connection that was lost is told of, and everything is fetched anew when it is back', async () => {
    const { server, url, world } = await bench.server();
    const port = Number(new URL(url).port);
    const { page } = await bench.open(`${url}/jobs`);
    await page.getByRole('row', { name: /Лекция 7/ }).waitFor();
    await server.stop();
    await page.getByText('The connection to the server is lost.').waitFor();
    server.updateJob(world.running, aJob().status);
    await server.start(port);
    await page.getByText('The connection to the server is lost.').waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Лекция 7.*Done/ }).waitFor();
  });

  it('a cluster that does not answer is described on the system page, with what is kept for it', async () => {
    const { server, url } = await bench.server();
    server.health = 'cluster-down';
    const { page } = await bench.open(`${url}/system`, { language: 'ru' });
    const section = page.getByRole('region', { name: 'Кластер' });
    await section.getByText('Не отвечает.').waitFor();
    await section.getByText('До тех пор здесь хранятся 2 задания.').waitFor();
    await section.getByText('Its API server cannot be reached.').waitFor();
  });

  it('a job that was kept for the cluster is followed to its place there, without a reload', async () => {
    const { server, url } = await bench.server();
    const kept = server.addJob(aWaitingJob('Talk.mp3', 'WaitingForCluster'));
    const { uid } = kept.metadata;
    const { page } = await bench.open(`${url}/jobs/${uid}`);
    await page.getByText('The job is kept and starts by itself when it does.').waitFor();
    const made = server.addJob(aRunningJob('Talk.mp3', 0, 60));
    server.jobs.delete(uid);
    server.aliases.set(uid, made.metadata.uid);
    server.publish({ type: 'job-deleted', id: uid });
    server.publish({ type: 'job', job: made });
    await page.waitForURL(`${url}/jobs/${made.metadata.uid}`);
    server.updateJob(made.metadata.uid, { progress: { percent: 37, text: '37%' } });
    await page.getByText('37%').first().waitFor();
  });

  it('a job that is gone says so, also while one looks at it', async () => {
    const { server, url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.running}`);
    await page.getByText('58%').first().waitFor();
    server.jobs.delete(world.running);
    server.publish({ type: 'job-deleted', id: world.running });
    await page.getByRole('heading', { name: 'This job is gone' }).waitFor();
  });
});

it('changes language and appearance at once and remembers both', async () => {
  const { url } = await bench.server();
  const { page } = await bench.open(`${url}/settings`);
  await page.getByRole('radio', { name: 'Русский' }).check();
  await page.getByRole('heading', { name: 'Настройки' }).waitFor();
  const light = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.getByRole('radio', { name: 'Тёмное' }).check();
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await expect.poll(background).not.toBe(light);
  const dark = await background();
  await page.reload();
  await page.getByRole('heading', { name: 'Настройки' }).waitFor();
  expect(await page.getAttribute('html', 'lang')).toBe('ru');
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe(dark);
});
