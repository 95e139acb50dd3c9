// The dashboard in a real browser. tests/browser.rs starts the gateway, fills its table and runs this.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { file, start } from './browser.mjs';

const { GATEWAY_URL: url, GATEWAY_KEY: key, BUSY_KEY: busy, EMPTY_KEY: empty, UNKNOWN_KEY: unknown } = process.env;
let browser;
before(async () => { browser = await start(); });
after(() => browser.close());

/** An answer of the API to a key. */
const api = async (path, as = key) => (await fetch(url + path, { headers: { authorization: `Bearer ${as}` } })).json();

/** A page of its own, and everything that it asked for or complained about. */
async function open(options = {}, path = '/dashboard') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { requests: [], faults: [] };
  page.on('request', (request) => seen.requests.push(request));
  page.on('console', (message) => { if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) seen.faults.push(message.text()); });
  page.on('pageerror', (error) => seen.faults.push(error.message));
  page.on('dialog', (dialog) => { seen.faults.push('a dialog'); dialog.dismiss(); });
  await page.goto(url + path);
  return { context, page, seen };
}

/** The page of a key whose usage is there. */
async function openAs(as, options) {
  const opened = await open(options, `/dashboard#key=${as}`);
  await opened.page.locator('#overview .cards').waitFor();
  return opened;
}

const period = async (page, days) => {
  const charts = page.waitForResponse((answer) => answer.url().includes(`days=${days}`));
  await page.locator(`input[name=days][value="${days}"]`).check({ force: true });
  await charts;
  await page.locator('[aria-busy]').waitFor({ state: 'detached' });
};

/** The exact value of a card. */
const card = (page, name) => page.locator('.card', { has: page.locator('h2', { hasText: new RegExp(`^${name}$`) }) }).locator('.figure data').getAttribute('value');

describe('figures', () => {
  test('are those of the API, for every period', async () => {
    const { page, context, seen } = await openAs(key);
    for (const days of [1, 7, 30, 90]) {
      if (days !== 30) await period(page, days);
      const usage = await api(`/v1/usage?days=${days}`);
      assert.equal(Number(await card(page, 'Spend')), usage.totalCost);
      assert.equal(Number(await card(page, 'Requests')), usage.totalRequests);
      assert.equal(Number(await card(page, 'Tokens')), usage.totalInputTokens + usage.totalOutputTokens);
      assert.equal(Number(await card(page, 'Failed')), usage.totalErrors);
    }
    assert.ok(Number(await card(page, 'Requests')) > 0);
    assert.deepEqual(seen.faults, []);
    await context.close();
  });

  test('of the balance and the limits are those of the API', async () => {
    const { page, context } = await openAs(busy);
    const credits = await api('/v1/credits', busy);
    assert.equal(Number(await card(page, 'Balance')), credits.balanceUsd);
    assert.equal(Number(await card(page, 'Requests this minute')), credits.limits.requestsPerMinute.left);
    assert.equal(Number(await card(page, 'Tokens this minute')), credits.limits.tokensPerMinute.left);
    assert.equal(Number(await card(page, 'Requests at once')), credits.limits.concurrentRequests.left);
    await context.close();
  });

  test('of the last requests, and of one with its attempts, are those of the API', async () => {
    const { page, context } = await openAs(key);
    const { data } = await api('/v1/requests?limit=100');
    const rows = page.locator('#requests tbody tr');
    assert.equal(await rows.count(), data.length);
    const position = data.findIndex((request) => request.attempt_count === 2);
    await rows.nth(position).getByRole('button').click();
    const detail = await api(`/v1/requests/${data[position].id}`);
    const attempts = page.locator('#detail tbody tr');
    await attempts.first().waitFor();
    const shown = await attempts.evaluateAll((rows) => rows.map((row) => [row.cells[1].textContent, Number(row.cells[2].textContent)]));
    assert.deepEqual(shown, detail.attempts.map((attempt) => [attempt.provider, attempt.status]));
    assert.match(await page.locator('#detail-body').textContent(), new RegExp(detail.id));
    await context.close();
  });

  test('can be narrowed to what failed', async () => {
    const { page, context } = await openAs(key);
    const { data } = await api('/v1/requests?limit=100&status=error');
    const answered = page.waitForResponse((answer) => answer.url().includes('status=error'));
    await page.getByLabel('Only failed').check();
    await answered;
    await page.waitForFunction((count) => document.querySelectorAll('#requests tbody tr').length === count, data.length);
    assert.ok(data.length > 0);
    await context.close();
  });
});

describe('the key', () => {
  test('leaves the address, is in no cookie, URL or lasting storage, and goes to this gateway alone', async () => {
    const { page, context, seen } = await openAs(key);
    assert.equal(page.url(), `${url}/dashboard`);
    assert.equal(await page.evaluate(() => history.length), 2);
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    for (const request of seen.requests) {
      if (request.url().startsWith('data:')) continue;
      assert.equal(new URL(request.url()).origin, url);
      assert.ok(!request.url().split('#')[0].includes('bk_'), request.url());
      assert.equal((await request.allHeaders()).referer, undefined);
    }
    await context.close();
  });

  test('outlives a reload and no other tab knows it', async () => {
    const { page, context } = await openAs(key);
    await page.reload();
    await page.locator('#overview .cards').waitFor();
    const other = await context.newPage();
    await other.goto(`${url}/dashboard`);
    assert.ok(await other.locator('#login').isVisible());
    await page.getByRole('button', { name: 'Forget key' }).click();
    assert.ok(await page.locator('#login').isVisible());
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await context.close();
  });

  for (const [name, typed, words] of [
    ['empty', '', /Type your key/],
    ['with a blank', 'bk_a b', /not a key/],
    ['mistyped', 'bk_mistyped', /not accepted.*mistyped/],
    ['unknown', unknown, /not accepted/],
  ]) {
    test(`that is ${name} is refused in words, and nothing is shown`, async () => {
      const { page, context } = await open();
      await page.getByLabel('API key').fill(typed);
      await page.getByRole('button', { name: 'Show usage' }).click();
      await page.waitForFunction(() => document.getElementById('fault').textContent !== '');
      assert.match(await page.locator('#fault').textContent(), words);
      assert.ok(!(await page.locator('#view').isVisible()));
      assert.equal(await page.evaluate(() => document.activeElement.id), 'key');
      await context.close();
    });
  }
});

describe('what is unusual', () => {
  test('a key without requests reads so', async () => {
    const { page, context, seen } = await openAs(empty);
    assert.match(await page.locator('#overview').textContent(), /No requests in this period/);
    assert.equal(await page.locator('#requests tbody tr').count(), 0);
    assert.deepEqual(seen.faults, []);
    await context.close();
  });

  test('ninety days of twenty models fit a screen and a phone', async () => {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 740 }]) {
      const { page, context } = await openAs(busy, { viewport });
      await period(page, 90);
      const usage = await api('/v1/usage?days=90', busy);
      assert.equal(Number(await card(page, 'Requests')), usage.totalRequests);
      assert.equal(await page.locator('svg.columns').first().locator('g').count(), 90);
      assert.equal(await page.locator('.tables table').first().locator('tbody tr').count(), 20);
      assert.equal(await page.locator('ol.bars').first().locator('li').count(), 9);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      await context.close();
    }
  });

  test('markup in the name of a model is text everywhere', async () => {
    const { page, context, seen } = await openAs(key);
    assert.ok((await page.locator('#overview').textContent()).includes('<img src=x onerror=alert(1)>'));
    assert.ok((await page.locator('#requests').textContent()).includes('<img src=x onerror=alert(1)>'));
    assert.equal(await page.locator('main img, main script').count(), 0);
    assert.deepEqual(seen.faults, []);
    await context.close();
  });

  test('the policy of the page runs no other script', async () => {
    const { page, context } = await open();
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      try { script.textContent = 'window.ran = true'; document.body.append(script); } catch { /* the policy of types refuses it, too */ }
      return Boolean(window.ran);
    });
    assert.equal(ran, false);
    await context.close();
  });
});

describe('everybody', () => {
  test('can use it with a keyboard', async () => {
    const { page, context } = await openAs(key);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'days');
    const answered = page.waitForResponse((answer) => answer.url().includes('days=7'));
    await page.keyboard.press('ArrowLeft');
    await answered;
    await page.locator('#content:not([aria-busy])').waitFor();
    const first = page.locator('#requests tbody button').first();
    await first.focus();
    const label = await first.getAttribute('aria-label');
    const listed = page.waitForResponse((answer) => answer.url().includes('/v1/requests?'));
    await page.evaluate(() => document.getElementById('refresh').click());
    await listed;
    await page.locator('#content:not([aria-busy])').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), label, 'the focus stays');
    await page.keyboard.press('Enter');
    await page.locator('#detail[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#detail[open]').waitFor({ state: 'detached' });
    await context.close();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`can read it in ${colorScheme} colours (axe: contrast, names, roles)`, async () => {
      const faults = async (page) => {
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)} ${nodes[0].failureSummary}`);
      };
      const axe = (await import('node:fs')).readFileSync(file('axe-core/axe.min.js'), 'utf8');
      const login = await open({ colorScheme });
      assert.deepEqual(await faults(login.page), []);
      await login.context.close();
      const { page, context } = await openAs(key, { colorScheme });
      assert.deepEqual(await faults(page), []);
      await page.locator('#requests tbody button').first().click();
      await page.locator('#detail[open]').waitFor();
      assert.deepEqual(await faults(page), []);
      await context.close();
    });
  }
});
