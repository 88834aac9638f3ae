// One browser, one page. Reads a command a line from standard input, writes an answer a line, both JSON; ends, and the
// browser with it, when standard input ends.
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const built = path.join(path.dirname(fileURLToPath(import.meta.url)), 'built');
const LIMIT = 120_000; // no command takes this long: the page is stuck

const browser = await chromium.launch({
    executablePath: path.join(built, 'chromium'),
    args: ['--disable-gpu'],
    env: {
        ...process.env,
        FONTCONFIG_PATH: path.join(built, 'fonts'),
        XDG_CACHE_HOME: built,
        // NSS and expat of the package: a small system has none
        LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, path.join(built, 'al2023', 'lib')].filter(Boolean).join(':'),
    },
});
const context = await browser.newContext({
    viewport: { width: 393, height: 851 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    locale: 'fr-FR',
    timezoneId: 'Africa/Niamey',
    offline: true,
    userAgent: 'Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36',
});
const page = await context.newPage();
const address = pathToFileURL(path.join(built, 'page.html')).href;

const commands = {
    async start({ query = '' }) {
        await page.goto(address + query);
        await page.waitForFunction(() => Boolean(window.enketo));
    },
    run: ({ command, args }) => page.evaluate(([c, a]) => window.enketo(c, a), [command, args]),
    async picture({ file, whole = false }) {
        await page.evaluate(() => document.activeElement?.blur());
        await page.screenshot({ path: file, fullPage: whole, animations: 'disabled' });
    },
    async clock({ time }) {
        await page.clock.setFixedTime(new Date(time));
    },
};

const late = () => new Promise((_, reject) => setTimeout(() => reject(new Error('the page does not answer')), LIMIT).unref());

process.stdout.write(`${JSON.stringify({ result: browser.version() })}\n`);
for await (const line of readline.createInterface({ input: process.stdin })) {
    const { command, args } = JSON.parse(line);
    let answer;
    try {
        answer = { result: (await Promise.race([commands[command](args), late()])) ?? null };
    } catch (error) {
        answer = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
