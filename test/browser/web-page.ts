import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { browserPath } from '../../scripts/setup/setup.ts';
import { buildPage } from '../../services/web/test/mock/build-page.ts';
import { MockServer } from '../../services/web/test/mock/mock-server.ts';
import { populate, type World } from '../../services/web/test/mock/worlds.ts';

export interface PageWishes {
  readonly language?: 'en' | 'ru';
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
}

/** Ends a broken test: what a page does takes as long as the machine lets it. */
export const WAIT_MS = 120_000;

/** A browser with the page as it ships, in front of a double of main. */
export class PageBench {
  readonly #browser: Browser;
  readonly #webDir: string;
  readonly #servers: MockServer[] = [];
  readonly #contexts: BrowserContext[] = [];

  private constructor(browser: Browser, webDir: string) {
    this.#browser = browser;
    this.#webDir = webDir;
  }

  static async start(): Promise<PageBench> {
    const webDir = await buildPage();
    const executablePath = browserPath();
    if (!executablePath) throw new Error('no Chromium found: run "npm run setup -- --tests", or set MEDIAJOB_CHROMIUM');
    return new PageBench(await chromium.launch({ executablePath, args: ['--no-sandbox'] }), webDir);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  /** Ends what one test opened. */
  async tidy(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()));
  }

  async emptyServer(): Promise<{ server: MockServer; url: string }> {
    const server = new MockServer(this.#webDir);
    this.#servers.push(server);
    return { server, url: await server.start() };
  }

  async server(): Promise<{ server: MockServer; url: string; world: World }> {
    const { server, url } = await this.emptyServer();
    return { server, url, world: populate(server) };
  }

  /** A page, and what the browser has to complain of: errors, and everything that its policy forbids. */
  async open(url: string, wishes: PageWishes = {}): Promise<{ page: Page; complaints: string[] }> {
    const { language = 'en', theme = 'light', width = 1280 } = wishes;
    const context = await this.#browser.newContext({
      locale: language === 'ru' ? 'ru-RU' : 'en-US',
      colorScheme: theme,
      viewport: { width, height: 800 },
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(WAIT_MS);
    this.#contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints };
  }
}
