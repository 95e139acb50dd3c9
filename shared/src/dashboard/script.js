'use strict';
(() => {
  const KEY = 'gateway-key';
  const MOST = 100;
  const $ = (id) => document.getElementById(id);
  // Under /dashboard, /v1/dashboard or a stage of API Gateway alike.
  const base = location.pathname.replace(/\/+dashboard\/*$/, '');
  // The charts are the gateway's own HTML, in which every name is escaped; everything else on this page is set as text.
  const policy = window.trustedTypes ? trustedTypes.createPolicy('gateway-charts', { createHTML: (html) => html }) : { createHTML: (html) => html };
  let key = '';
  // Answers to an older question than the last one are not shown.
  let round = 0;
  // The same for the list of requests, which the filter loads alone.
  let lists = 0;

  const element = (name, properties = {}, children = []) => {
    const made = document.createElement(name);
    for (const [property, value] of Object.entries(properties)) made[property] = value;
    made.append(...children);
    return made;
  };
  const number = (value) => new Intl.NumberFormat('en-US').format(value);
  const usd = (value) => {
    const size = Math.abs(value);
    const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
    return (value < 0 ? '−$' : '$') + size.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: digits });
  };
  const time = (ms) => (ms === null ? '–' : ms < 1000 ? `${ms} ms` : ms < 100000 ? `${(ms / 1000).toFixed(1)} s` : `${number(Math.floor(ms / 1000))} s`);
  const data = (value, text) => element('data', { value: String(value), textContent: text });

  /** An answer of the gateway that is no success. */
  class Refusal extends Error {
    constructor(status, error) {
      super(error.message || `status ${status}`);
      this.status = status;
      this.hint = error.hint || '';
    }
  }

  const get = async (path) => {
    const answer = await fetch(base + path, {
      headers: { authorization: `Bearer ${key}` },
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    throw new Refusal(answer.status, body.error || {});
  };

  const days = () => document.querySelector('input[name=days]:checked').value;

  const askForKey = (fault) => {
    key = '';
    sessionStorage.removeItem(KEY);
    $('view').hidden = $('controls').hidden = true;
    $('login').hidden = false;
    $('status').textContent = '';
    $('fault').textContent = fault;
    $('key').value = '';
    $('key').focus();
  };

  const told = (error) => {
    if (!(error instanceof Refusal)) return 'The gateway cannot be reached. Try again.';
    if (error.status === 429) return 'Too many reads in this minute. Wait a moment, then refresh.';
    return [error.message, error.hint].filter(Boolean).join(' ');
  };

  const failed = (error) => {
    if (error instanceof Refusal && error.status === 401) {
      askForKey(['This key was not accepted.', error.hint].filter(Boolean).join(' '));
    } else {
      $('status').textContent = told(error);
    }
  };

  const limit = (name, figure, note, left, most) => {
    const children = [element('h2', { textContent: name }), element('p', { className: 'figure' }, [figure]), element('p', { className: 'note', textContent: note })];
    if (most) {
      const meter = element('progress', { max: most, value: Math.max(0, left) });
      meter.setAttribute('aria-label', `${name}: ${left} of ${most} left`);
      children.push(meter);
    }
    return element('div', { className: 'card' }, children);
  };

  const rate = (name, limits) =>
    limits ? limit(name, data(limits.left, number(limits.left)), `left of ${number(limits.limit)}`, limits.left, limits.limit)
           : limit(name, 'No limit', 'for this key');

  const showCredits = (credits) => {
    const held = credits.heldUsd ? `${usd(credits.heldUsd)} held for running requests` : 'left for new requests';
    const balance = credits.prepaid ? limit('Balance', data(credits.balanceUsd, usd(credits.balanceUsd)), held)
                                    : limit('Balance', 'Not prepaid', 'usage is not charged to a balance');
    const { requestsPerMinute, tokensPerMinute, concurrentRequests } = credits.limits;
    $('limits').replaceChildren(balance, rate('Requests this minute', requestsPerMinute), rate('Tokens this minute', tokensPerMinute), rate('Requests at once', concurrentRequests));
  };

  const cell = (content, className = '') => element('td', { className }, [content]);

  const badge = (status) => element('span', { className: status === 200 ? 'badge ok' : 'badge bad', textContent: String(status) });

  const row = (request) => {
    const open = element('button', { type: 'button', className: 'link', textContent: request.created_at.slice(5, 19).replace('T', ' ') });
    open.setAttribute('aria-label', `${open.textContent}, ${request.model}: show this request`);
    open.dataset.request = request.id;
    open.addEventListener('click', () => showDetail(request.id));
    return element('tr', {}, [
      element('th', { scope: 'row' }, [open]),
      cell(request.model),
      cell(request.provider || '–'),
      cell(String(request.attempt_count), 'number'),
      cell(badge(request.status)),
      cell(number(request.usage.input_tokens), 'number'),
      cell(number(request.usage.output_tokens), 'number'),
      cell(data(request.cost_usd, usd(request.cost_usd)), 'number'),
      cell(time(request.duration_ms), 'number'),
    ]);
  };

  const showRequests = (list) => {
    // The new rows replace the old ones. Someone who uses a keyboard stays on the same request.
    const focused = document.activeElement?.dataset.request;
    $('requests').tBodies[0].replaceChildren(...list.data.map(row));
    if (focused) $('requests').querySelector(`[data-request="${CSS.escape(focused)}"]`)?.focus();
    $('none').hidden = list.data.length > 0;
  };

  const attemptRow = (attempt, position) => element('tr', {}, [
    element('th', { scope: 'row', textContent: String(position + 1) }),
    cell(attempt.provider),
    cell(badge(attempt.status)),
    cell(time(attempt.duration_ms), 'number'),
  ]);

  const attempts = (list) => {
    if (!list) return element('p', { className: 'note', textContent: 'The attempts of this request were not recorded.' });
    const heads = ['#', 'Provider', 'Status', 'Duration'].map((name) => element('th', { scope: 'col', textContent: name, className: name === 'Duration' ? 'number' : '' }));
    return element('table', {}, [element('thead', {}, [element('tr', {}, heads)]), element('tbody', {}, list.map(attemptRow))]);
  };

  const facts = (request) => [
    ['Started', request.created_at],
    ['Status', badge(request.status)],
    ['Finish reason', request.finish_reason],
    ['Model', request.model],
    ['Answered by', [request.served_model, request.upstream_model].filter(Boolean).join(' as ')],
    ['Provider', request.provider],
    ['Format', request.format],
    ['Tag', request.tag],
    ['Input tokens', `${number(request.usage.input_tokens)} (${number(request.usage.cached_input_tokens)} from cache, ${number(request.usage.cache_write_tokens)} written to it)`],
    ['Output tokens', `${number(request.usage.output_tokens)} (${number(request.usage.reasoning_tokens)} reasoning)`],
    ['Counted by', request.usage.estimated ? 'estimate' : 'the provider'],
    ['Cost', data(request.cost_usd, `$${request.cost_usd}`)],
    ['Prices', request.price_version],
    ['First token', time(request.first_token_ms)],
    ['Duration', time(request.duration_ms)],
  ];

  const showDetail = async (id) => {
    const mine = round;
    try {
      const request = await (await get(`/v1/requests/${encodeURIComponent(id)}`)).json();
      if (mine !== round) return;
      const pairs = facts(request).filter(([, value]) => value);
      const list = element('dl', {}, pairs.flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', {}, [value])]));
      const title = element('p', { className: 'id' }, [element('code', { textContent: request.id })]);
      $('detail-body').replaceChildren(title, list, element('h3', { textContent: 'Attempts' }), attempts(request.attempts));
      if (!$('detail').open) $('detail').showModal();
    } catch (error) {
      if (mine === round) failed(error);
    }
  };

  const requestsPath = () => `/v1/requests?limit=${MOST}${$('failed-only').checked ? '&status=error' : ''}`;

  const load = async () => {
    const [mine, list] = [++round, ++lists];
    $('status').textContent = 'Loading…';
    $('content').setAttribute('aria-busy', 'true');
    try {
      const [credits, charts, requests] = await Promise.all([
        get('/v1/credits').then((answer) => answer.json()),
        get(`/dashboard/charts?days=${days()}`).then((answer) => answer.text()),
        get(requestsPath()).then((answer) => answer.json()),
      ]);
      if (mine !== round) return;
      showCredits(credits);
      $('overview').innerHTML = policy.createHTML(charts);
      if (list === lists) showRequests(requests);
      sessionStorage.setItem(KEY, key);
      $('login').hidden = true;
      $('view').hidden = $('controls').hidden = false;
      $('status').textContent = '';
    } catch (error) {
      if (mine === round) failed(error);
    } finally {
      if (mine === round) $('content').removeAttribute('aria-busy');
    }
  };

  const loadRequests = async () => {
    const [mine, list] = [round, ++lists];
    try {
      const requests = await (await get(requestsPath())).json();
      if (mine === round && list === lists) showRequests(requests);
    } catch (error) {
      if (mine === round && list === lists) failed(error);
    }
  };

  /** The key of the URL's fragment, which then leaves the address and the history. */
  const keyOfFragment = () => {
    const given = new URLSearchParams(location.hash.slice(1)).get('key');
    if (given !== null) history.replaceState(null, '', location.pathname + location.search);
    return given;
  };

  $('login').addEventListener('submit', (event) => {
    event.preventDefault();
    key = $('key').value.trim();
    if (!key) return askForKey('Type your key. It begins with bk_.');
    if (!/^[\x21-\x7e]+$/.test(key)) return askForKey('This is not a key. A key has no spaces, and only letters, digits and _.');
    $('fault').textContent = '';
    load();
  });
  $('refresh').addEventListener('click', load);
  $('forget').addEventListener('click', () => { round += 1; askForKey(''); });
  $('failed-only').addEventListener('change', loadRequests);
  $('close').addEventListener('click', () => $('detail').close());
  document.querySelectorAll('input[name=days]').forEach((input) => input.addEventListener('change', load));
  window.addEventListener('hashchange', () => { const given = keyOfFragment(); if (given) { key = given; load(); } });

  key = (keyOfFragment() || sessionStorage.getItem(KEY) || '').trim();
  if (key) load(); else askForKey('');
})();
