import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PageBench } from './web-page.ts';

let bench: PageBench;
beforeAll(async () => {
  bench = await PageBench.start();
});
afterAll(() => bench?.stop());
afterEach(() => bench.tidy());

const mediaTime = (page: Page) => page.evaluate(() => document.querySelector('audio')?.currentTime ?? -1);
const mediaReady = (page: Page) => page.waitForFunction(() => (document.querySelector('audio')?.readyState ?? 0) >= 1);
/** The text under a mark, as the browser draws it. */
const marked = (page: Page, name: string) =>
  page.evaluate((wanted) => [...(CSS.highlights.get(wanted) ?? [])].map((range) => (range as Range).toString()), name);
const wordBox = (page: Page, word: string) =>
  page.evaluate((wanted) => {
    const walker = document.createTreeWalker(document.querySelector('.transcript') as Element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const at = node.textContent?.indexOf(wanted) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      const box = range.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }
    throw new Error(`"${wanted}" is not in the text`);
  }, word);

describe('reading along', () => {
  it('a click on a word takes the player there and marks the word', async () => {
    const { url, world } = await bench.server();
    const { page, complaints } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByText('ask not what your country').waitFor();
    await mediaReady(page);
    const box = await wordBox(page, 'fellow');
    await page.mouse.click(box.x, box.y);
    // "fellow" is the fourth of five words between 0.32 s and 3.9 s.
    await expect.poll(() => mediaTime(page)).toBeCloseTo(0.32 + 3 * ((3.9 - 0.32) / 5), 2);
    await expect.poll(() => marked(page, 'spoken')).toEqual(['fellow']);
    expect(complaints).toEqual([]);
  });

  it('keys play, skip and step, on a Russian keyboard as well', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByText('ask not what your country').waitFor();
    await mediaReady(page);
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => mediaTime(page)).toBe(5);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => mediaTime(page)).toBe(0);
    // A Russian layout: the key of L gives another letter.
    await page.evaluate(() =>
      document.body.dispatchEvent(
        new KeyboardEvent('keydown', { code: 'KeyL', key: 'д', bubbles: true, cancelable: true }),
      ),
    );
    await expect.poll(() => mediaTime(page)).toBe(10);
    await page.keyboard.press('j');
    await expect.poll(() => mediaTime(page)).toBe(0);
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await expect.poll(() => mediaTime(page)).toBeGreaterThan(0.2);
    await page.keyboard.press('k');
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  });

  it('seeks to and fro, faster than the browser can follow, end at the last place and play on', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByText('ask not what your country').waitFor();
    await mediaReady(page);
    // Away and back again while the first seek is under way: left alone, Chromium hangs in about every third of these.
    const settled = () => page.waitForFunction(() => document.querySelector('audio')?.seeking === false);
    for (let time = 0; time < 15; time += 1) {
      await page.keyboard.press('ArrowRight');
      await settled();
      await page.evaluate(() => {
        for (const code of ['KeyJ', 'KeyL', 'KeyJ'])
          document.body.dispatchEvent(new KeyboardEvent('keydown', { code, bubbles: true, cancelable: true }));
      });
      await settled();
    }
    expect(await mediaTime(page)).toBe(0);
    await page.keyboard.press('Space');
    await expect.poll(() => mediaTime(page)).toBeGreaterThan(0.2);
  });

  it('letters typed into the search stay letters', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByText('ask not what your country').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('kjl country');
    expect(await page.getByLabel('Search in the text').inputValue()).toBe('kjl country');
    expect(await mediaTime(page)).toBe(0);
  });

  it('the position is a slider for the keyboard and says its time', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    const slider = page.getByRole('slider', { name: 'Position' });
    await slider.waitFor();
    await mediaReady(page);
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('0:05 of 0:11');
    await page.keyboard.press('End');
    await expect.poll(() => slider.getAttribute('aria-valuenow')).toBe('11');
  });

  it('marks words the model was unsure of, and says why a place is doubtful', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.long}`);
    await page.getByText('Doubtful: the model was unsure.').first().waitFor();
    await expect.poll(async () => (await marked(page, 'low')).length).toBeGreaterThan(0);
    const before = await page.evaluate(() => window.scrollY);
    const omission = page.locator('.paragraph', { hasText: 'somebody speaks here, and no words were found' });
    await omission.getByRole('button', { name: /^Play from/ }).waitFor();
    expect(await omission.locator('.paragraph-text').count()).toBe(0);
    for (let time = 0; time < 5; time += 1) await page.getByRole('button', { name: /doubtful places/ }).click();
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(before);
    await expect.poll(() => page.locator('.is-doubtful:visible').count()).toBeGreaterThan(0);
  });
});

describe('a transcript of 100,000 words', () => {
  it('keeps a few hundred elements, wherever one scrolls', async () => {
    const { server, url, world } = await bench.server();
    expect(server.transcripts.get(world.long)?.word_segments.length).toBeGreaterThanOrEqual(100_000);
    const { page } = await bench.open(`${url}/jobs/${world.long}`);
    await page.getByText('The committee met').first().waitFor();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    expect(height).toBeGreaterThan(50_000);
    for (let step = 0; step <= 20; step += 1) {
      await page.evaluate((to) => window.scrollTo(0, to), (height * step) / 20);
      await page.waitForFunction(() =>
        [...document.querySelectorAll('.transcript-row')].some((row) => {
          const box = row.getBoundingClientRect();
          return box.bottom > 0 && box.top < window.innerHeight;
        }),
      );
      expect(await page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(900);
    }
  });

  it('finds, counts and walks through hits far away from each other', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.long}`);
    await page.getByText('The committee met').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('RAINY tuesday');
    await page.getByText(/^1 of 1,\d\d\d$/).waitFor();
    await page.keyboard.press('Shift+Enter');
    const total = (await page.locator('.transcript-hits').textContent())?.split(' of ')[1] ?? '';
    await page.getByText(`${total} of ${total}`, { exact: true }).waitFor();
    await expect.poll(() => marked(page, 'present-hit')).toEqual(['rainy Tuesday']);
    await page.keyboard.press('Enter');
    await page.getByText(`1 of ${total}`, { exact: true }).waitFor();
  });

  it('follows the voice, lets the reader go, and takes him back', async () => {
    const { url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.long}`);
    await page.getByText('The committee met').first().waitFor();
    await mediaReady(page);
    await page.evaluate(() => {
      const audio = document.querySelector('audio') as HTMLAudioElement;
      audio.muted = true;
      audio.currentTime = 50;
    });
    await page.keyboard.press('k');
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(100);
    await page.mouse.move(400, 500);
    await page.mouse.wheel(0, 20_000);
    await page.getByRole('button', { name: 'Back to what is being said' }).click();
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBeLessThan(4_000);
  });
});

describe('correcting', () => {
  it('saves a line when it is left, shows it after a reload, and takes it back', async () => {
    const { server, url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByRole('button', { name: 'Correct' }).click();
    const line = page.getByRole('textbox', { name: 'Text from 0:04' });
    await line.fill('ask never what your country can do for you,');
    await line.press('Enter');
    await page.getByText('All corrections are saved.').waitFor();
    expect(server.edits.get(world.done)?.edits).toEqual([
      { segment: 1, text: 'ask never what your country can do for you,' },
    ]);
    await page.reload();
    await page.getByText('ask never what your country').waitFor();
    await page.getByRole('button', { name: 'Copy the text' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('ask never what');
    await page.getByRole('button', { name: 'Correct' }).click();
    await page.getByRole('textbox', { name: 'Text from 0:04' }).fill('ask not what your country can do for you,');
    await page.getByRole('button', { name: 'Done' }).click();
    await expect.poll(() => server.edits.get(world.done)?.edits).toEqual([]);
  });

  it('does not overwrite what somebody else corrected meanwhile', async () => {
    const { server, url, world } = await bench.server();
    const { page } = await bench.open(`${url}/jobs/${world.done}`);
    await page.getByRole('button', { name: 'Correct' }).click();
    server.edits.set(world.done, { version: 7, edits: [{ segment: 0, text: 'And so, my fellow citizens,' }] });
    await page.getByRole('textbox', { name: 'Text from 0:04' }).fill('mine');
    await page.keyboard.press('Enter');
    await page.getByText('Somebody else corrected this text meanwhile.').waitFor();
    expect(server.edits.get(world.done)?.edits).toHaveLength(1);
    await page.getByRole('button', { name: 'Load again' }).click();
    const first = page.getByRole('textbox', { name: 'Text from 0:00' });
    await expect.poll(() => first.inputValue()).toBe('And so, my fellow citizens,');
    await expect.poll(() => page.getByRole('textbox', { name: 'Text from 0:04' }).inputValue()).toBe('mine');
  });
});
