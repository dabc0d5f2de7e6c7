import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PageBench } from './web-page.ts';

let bench: PageBench;
const screenshots = process.env.MEDIAJOB_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'mediajob-screens-'));
beforeAll(async () => {
  bench = await PageBench.start();
});
afterAll(() => bench?.stop());
afterEach(() => bench.tidy());

const LOOKS = [
  { language: 'en', theme: 'light', width: 1280 },
  { language: 'en', theme: 'dark', width: 360 },
  { language: 'ru', theme: 'dark', width: 1280 },
  { language: 'ru', theme: 'light', width: 360 },
] as const;

describe.each(LOOKS)('in $language, $theme, $width px wide', (look) => {
  it('every screen passes axe, fits the window, and the browser has nothing to complain of', async () => {
    const { server, url, world } = await bench.server();
    const screens = {
      upload: '/',
      jobs: '/jobs',
      none: '/jobs?search=nothing-like-it',
      transcript: `/jobs/${world.done}`,
      long: `/jobs/${world.long}`,
      running: `/jobs/${world.running}`,
      waiting: `/jobs/${world.waiting}`,
      failed: `/jobs/${world.failed}`,
      system: '/system',
      settings: '/settings',
      nowhere: '/nowhere',
    };
    const { page, complaints } = await bench.open(url, look);
    server.health = look.language === 'en' ? 'converter-down' : 'old-ffmpeg';
    for (const [name, path] of Object.entries(screens)) {
      await page.goto(url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('load');
      await page.waitForFunction(() => document.querySelector('.loading') === null);
      await page.screenshot({ path: join(screenshots, `${name}-${look.language}-${look.theme}-${look.width}.png`) });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
      expect(found, name).toEqual([]);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
        name,
      ).toBeLessThanOrEqual(0);
      expect(await page.getAttribute('html', 'lang'), name).toBe(look.language);
    }
    expect(complaints).toEqual([]);
  });
});

describe('what opens', () => {
  it('the menu, the question before deletion and the corrections pass axe too', async () => {
    const { url, world } = await bench.server();
    const { page, complaints } = await bench.open(`${url}/jobs/${world.done}`);
    const check = async () => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
    };
    await page.getByRole('button', { name: 'Correct' }).click();
    await page.getByRole('textbox', { name: 'Text from 0:00' }).waitFor();
    await check();
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).waitFor();
    await check();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Delete this job?' }).waitFor();
    await check();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(complaints).toEqual([]);
  });
});
