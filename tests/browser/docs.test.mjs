// The reference of the API in a real browser. tests/browser.rs starts the gateway and runs this.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { file, start } from './browser.mjs';

const { GATEWAY_URL: url } = process.env;
let browser;
before(async () => { browser = await start(); });
after(() => browser.close());

/** The page in a window of that width and colours, and what it asked for or complained about. */
async function open(width, colorScheme, anchor = '') {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const seen = { requests: [], faults: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('console', (message) => seen.faults.push(message.text()));
  page.on('pageerror', (error) => seen.faults.push(error.message));
  await page.goto(`${url}/docs${anchor}`);
  return { context, page, seen };
}

for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light']]) {
  test(`it is as wide as a window of ${width} pixels, asks for nothing else, and is styled in ${colorScheme} colours`, async () => {
    const { page, context, seen } = await open(width, colorScheme);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    assert.deepEqual(seen, { requests: [`${url}/docs`], faults: [] });
    const channel = await page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)[0]));
    assert.equal(channel > 128, colorScheme === 'light');
    await context.close();
  });
}

test('a link to an endpoint shows that endpoint', async () => {
  const { page, context } = await open(1280, 'light', '#post-v1messages');
  const heading = page.getByRole('heading', { name: 'POST /v1/messages', exact: true });
  assert.ok((await heading.boundingBox()).y < 200);
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`everyone can read it in ${colorScheme} colours (axe: contrast, names, roles)`, async () => {
    const { page, context } = await open(1280, colorScheme);
    await page.evaluate(readFileSync(file('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
    await context.close();
  });
}
