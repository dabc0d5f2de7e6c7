import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PageBench } from './web-page.ts';

let bench: PageBench;
beforeAll(async () => {
  bench = await PageBench.start();
});
afterAll(() => bench?.stop());
afterEach(() => bench.tidy());

const recording = (name: string, bytes = 200_000) => ({ name, mimeType: 'audio/mpeg', buffer: Buffer.alloc(bytes, 7) });
const chooser = (page: Page) => page.locator('input[type=file]').first();
const row = (page: Page, name: string) => page.locator('.upload', { hasText: name });

describe('uploading', () => {
  it('takes many files, makes a job of each, and follows them to the text without a reload', async () => {
    const { server, url } = await bench.emptyServer();
    const { page, complaints } = await bench.open(url);
    await page.getByText('Nothing here yet').waitFor();
    await chooser(page).setInputFiles([recording('one.mp3'), recording('Два.mp3'), recording('three.mp3')]);
    for (const name of ['one.mp3', 'Два.mp3', 'three.mp3']) {
      await page.getByRole('row', { name: new RegExp(`${name}.*Done`) }).waitFor();
    }
    expect([...server.uploads.values()].map((upload) => upload.fileName).toSorted()).toEqual(
      ['one.mp3', 'three.mp3', 'Два.mp3'].toSorted(),
    );
    await page.getByRole('link', { name: 'Open one.mp3' }).click();
    await page.getByText('ask not what your country can do for you').waitFor();
    expect(complaints).toEqual([]);
  });

  it('takes files dropped on any screen and goes to the front page', async () => {
    const { url } = await bench.emptyServer();
    const { page } = await bench.open(`${url}/system`);
    await page.getByRole('heading', { name: 'Services' }).waitFor();
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['sound'.repeat(100)], 'dropped.ogg', { type: 'audio/ogg' }));
      return transfer;
    });
    await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
    await page.getByText('Drop to upload').waitFor();
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
    await page.waitForURL(`${url}/`);
    await row(page, 'dropped.ogg').waitFor();
    await page.getByText('Drop to upload').waitFor({ state: 'hidden' });
  });

  it('shows percentage, speed and what is left; pauses, and goes on from where it stood', async () => {
    const { server, url } = await bench.emptyServer();
    server.uploadSpeed = 500_000;
    const { page } = await bench.open(url);
    await chooser(page).setInputFiles(recording('long.wav', 24_000_000));
    const long = row(page, 'long.wav');
    await long.getByText(/% · .* of 24 MB · .*\/s · (.* left|almost done)/).waitFor();
    await long.getByRole('button', { name: 'Pause long.wav' }).click();
    await long.getByText(/^Paused at/).waitFor();
    server.uploadSpeed = undefined;
    await long.getByRole('button', { name: 'Go on with long.wav' }).click();
    await long.getByRole('link', { name: 'Open long.wav' }).waitFor();
    const [upload] = [...server.uploads.values()];
    expect(upload?.received).toBe(24_000_000);
    expect(server.requests.filter((request) => request === 'POST /api/v1/uploads')).toHaveLength(1);
  });

  it('goes on by itself when the connection was cut', async () => {
    const { server, url } = await bench.emptyServer();
    server.uploadSpeed = 500_000;
    const { page } = await bench.open(url);
    await chooser(page).setInputFiles(recording('cut.wav', 12_000_000));
    await row(page, 'cut.wav')
      .getByText(/[1-9]\d?% ·/)
      .waitFor();
    server.cutConnections();
    await row(page, 'cut.wav').getByText('Waiting for the server').waitFor();
    server.uploadSpeed = undefined;
    await row(page, 'cut.wav').getByRole('link', { name: 'Open cut.wav' }).waitFor();
    expect(server.requests.some((request) => request.startsWith('HEAD /api/v1/uploads/'))).toBe(true);
  });

  it('after a reload says how much is there and goes on with the same file only', async () => {
    const { server, url } = await bench.emptyServer();
    server.uploadSpeed = 500_000;
    const { page } = await bench.open(url);
    const file = recording('reload.wav', 20_000_000);
    await chooser(page).setInputFiles(file);
    await row(page, 'reload.wav')
      .getByText(/[1-9]\d?% ·/)
      .waitFor();
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    await row(page, 'reload.wav')
      .getByText(/is already on the server\. Choose the same file again/)
      .waitFor();
    server.uploadSpeed = undefined;
    const again = row(page, 'reload.wav').locator('input[type=file]');
    await again.setInputFiles(recording('other.wav', 500));
    await page.getByText(/That is another file than reload\.wav/).waitFor();
    // A buffer comes with a new time of change; what the page remembers is made to agree with it.
    const stamp = await page.evaluate(
      () => JSON.parse(localStorage.getItem('mediajob.uploads') ?? '[]')[0].lastModified,
    );
    await page.evaluate(
      ([name, bytes, lastModified]) => {
        const transfer = new DataTransfer();
        transfer.items.add(
          new File([new Uint8Array(bytes as number).fill(7)], name as string, {
            type: 'audio/mpeg',
            lastModified: lastModified as number,
          }),
        );
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
      },
      ['reload.wav', 20_000_000, stamp],
    );
    await row(page, 'reload.wav').getByRole('link', { name: 'Open reload.wav' }).waitFor();
    expect(server.requests.filter((request) => request === 'POST /api/v1/uploads')).toHaveLength(1);
    expect([...server.uploads.values()][0]?.received).toBe(20_000_000);
  });

  it('says in words what it refuses, at once or when the server does, and sends nothing twice', async () => {
    const { server, url } = await bench.emptyServer();
    server.refuseUpload = { code: 'unsupported-media', afterBytes: 1_000 };
    const { page } = await bench.open(url, { language: 'ru' });
    await chooser(page).setInputFiles([
      { name: 'empty.mp3', mimeType: 'audio/mpeg', buffer: Buffer.alloc(0) },
      { name: 'отчёт.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') },
      recording('renamed.mp3', 60_000),
    ]);
    await page.getByText('Файл empty.mp3 пуст.').waitFor();
    await page.getByText('отчёт.pdf — не аудио и не видео.').waitFor();
    await row(page, 'renamed.mp3').getByText('Это не аудио и не видео, которое можно прочитать.').waitFor();
    expect(server.requests.filter((request) => request === 'POST /api/v1/uploads')).toHaveLength(1);
    expect(server.requests.filter((request) => request === 'POST /api/v1/jobs')).toHaveLength(0);
    await row(page, 'renamed.mp3').getByRole('button', { name: 'Убрать renamed.mp3 из списка' }).click();
    await row(page, 'renamed.mp3').waitFor({ state: 'detached' });
  });

  it('remembers the options and sends them with the next file', async () => {
    const { server, url } = await bench.emptyServer();
    const { page } = await bench.open(url);
    await page.getByLabel('Spoken language').selectOption({ label: 'Russian' });
    await page.getByText('More options').click();
    await page.getByLabel('MP3').check();
    await page.getByLabel('MP4').check();
    await page.getByLabel('Subtitles in videos').selectOption('burn');
    await page.getByLabel('SRT subtitles').uncheck();
    await page.getByLabel('Word document').check();
    await page.getByLabel('How subtitles are cut').selectOption('bbc');
    await page.reload();
    expect(await page.getByLabel('Spoken language').inputValue()).toBe('ru');
    await chooser(page).setInputFiles(recording('talk.mp3'));
    await page.getByRole('link', { name: 'Open talk.mp3' }).waitFor();
    const [job] = [...server.jobs.values()];
    expect(job?.spec.transcribe).toMatchObject({ language: 'ru', formats: ['txt', 'vtt', 'docx', 'json'] });
    expect(job?.spec.transcribe?.subtitles.preset).toBe('bbc');
    expect(job?.spec.convert.renditions).toEqual([{ format: 'mp3' }, { format: 'mp4', subtitles: 'burn' }]);
  });
});
