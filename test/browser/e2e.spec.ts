import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobList, Transcript } from '@mediajob/contract';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { browserPath } from '../../scripts/setup/setup.ts';
import { System } from '../system/services.ts';
import { SAMPLE, SAMPLE_TEXT } from '../system/speech.ts';
import { WAIT_MS } from './web-page.ts';

let browser: Browser;
let system: System;
const screenshots = process.env.MEDIAJOB_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'mediajob-screens-'));

beforeAll(async () => {
  const executablePath = browserPath();
  if (!executablePath) throw new Error('no Chromium found: run "npm run setup -- --tests", or set MEDIAJOB_CHROMIUM');
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  system = await System.start();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

async function openPage(options: {
  locale: string;
  colorScheme: 'light' | 'dark';
  width?: number;
}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    locale: options.locale,
    colorScheme: options.colorScheme,
    viewport: { width: options.width ?? 1200, height: 800 },
  });
  context.setDefaultTimeout(WAIT_MS);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(system.url);
  return { page, complaints };
}

async function newestJob(): Promise<JobList['items'][number] | undefined> {
  const list = (await (await fetch(`${system.url}/api/v1/jobs?limit=1`)).json()) as JobList;
  return list.items[0];
}

/** Clicks on the middle of the given text, wherever in the page it stands. */
async function clickText(page: Page, text: string): Promise<void> {
  const point = await page.evaluate((wanted) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.textContent?.toLowerCase().indexOf(wanted) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      const box = range.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }
    return undefined;
  }, text);
  if (!point) throw new Error(`"${text}" is not on the page`);
  await page.mouse.click(point.x, point.y);
}

describe('a person with a recording', () => {
  it('drops a file, watches it become text, clicks a word and hears it, without one complaint of the browser', async () => {
    const { page, complaints } = await openPage({ locale: 'en-US', colorScheme: 'light' });
    await page.screenshot({ path: join(screenshots, 'e2e-upload-en.png') });
    await page.setInputFiles('input[type=file]', SAMPLE);
    await page.getByRole('link', { name: /jfk/ }).first().click();
    await page
      .getByText(/your country can do/)
      .first()
      .waitFor();
    await page.screenshot({ path: join(screenshots, 'e2e-transcript-en.png') });

    const job = await newestJob();
    const transcript = (await (
      await fetch(`${system.url}/api/v1/jobs/${job?.metadata.uid}/transcript`)
    ).json()) as Transcript;
    expect(
      transcript.segments
        .map((it) => it.text)
        .join(' ')
        .toLowerCase(),
    ).toContain(SAMPLE_TEXT);
    const word = transcript.word_segments.find((it) => /fellow/i.test(it.word));
    expect(word).toBeDefined();
    await clickText(page, 'fellow');
    await page.waitForFunction((start) => {
      const media = document.querySelector('audio, video') as HTMLMediaElement | null;
      return media !== null && media.currentTime >= start - 0.1 && media.readyState >= 2;
    }, word?.start as number);
    const at = await page.evaluate(() => (document.querySelector('audio, video') as HTMLMediaElement).currentTime);
    expect(at).toBeGreaterThanOrEqual((word?.start as number) - 0.1);
    expect(at).toBeLessThan((word?.end as number) + 2);
    expect(complaints).toEqual([]);
  });

  it('sees the same in Russian, in the dark and on a phone', async () => {
    const { page, complaints } = await openPage({ locale: 'ru-RU', colorScheme: 'dark', width: 360 });
    await page.screenshot({ path: join(screenshots, 'e2e-upload-ru.png'), fullPage: true });
    const job = await newestJob();
    await page.goto(`${system.url}/jobs/${job?.metadata.uid}`);
    await page
      .getByText(/your country can do/)
      .first()
      .waitFor();
    expect(await page.getAttribute('html', 'lang')).toBe('ru');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
    await page.screenshot({ path: join(screenshots, 'e2e-transcript-ru.png') });
    await page.goto(`${system.url}/system`);
    await page
      .getByText(/:8002|converter|Конверт/i)
      .first()
      .waitFor();
    await page.screenshot({ path: join(screenshots, 'e2e-system-ru.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });

  it('corrects a line, and downloads what they corrected', async () => {
    const { page, complaints } = await openPage({ locale: 'en-US', colorScheme: 'light' });
    const job = await newestJob();
    const packed = page.waitForResponse((it) => it.url().endsWith('.js') && it.headers()['content-encoding'] === 'br');
    await page.goto(`${system.url}/jobs/${job?.metadata.uid}`);
    await packed;
    await page.getByRole('button', { name: 'Correct' }).click();
    const line = page.getByRole('textbox', { name: /^Text from 0:/ }).first();
    const heard = await line.inputValue();
    await line.fill(`Ladies and gentlemen, ${heard}`);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Ladies and gentlemen').first().waitFor();
    const read = async (name: string) =>
      await expect
        .poll(async () => {
          const answer = await fetch(`${system.url}/api/v1/jobs/${job?.metadata.uid}/outputs/${name}`);
          return answer.text();
        })
        .toContain('Ladies');
    await read('transcript.srt');
    await read('transcript.txt');
    const made = await fetch(`${system.url}/api/v1/jobs/${job?.metadata.uid}/outputs/transcript.txt?edited=false`);
    expect(await made.text()).not.toContain('Ladies');
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: /transcript\.srt/ }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toMatch(/^jfk.*\.srt$/);
    expect(readFileSync(await saved.path(), 'utf8')).toContain('Ladies');
    expect(complaints).toEqual([]);
  });

  it('is told in words when a file is no media, and the job list stays as it was', async () => {
    const { page } = await openPage({ locale: 'en-US', colorScheme: 'light' });
    const before = await newestJob();
    await page.setInputFiles('input[type=file]', {
      name: 'holiday.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from('504b03040a0000000000', 'hex'),
    });
    await page
      .getByText(/not audio or video|cannot be read|no audio/i)
      .first()
      .waitFor();
    await page.screenshot({ path: join(screenshots, 'e2e-refused-en.png') });
    expect((await newestJob())?.metadata.uid).toBe(before?.metadata.uid);
  });
});
