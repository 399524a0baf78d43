// What only the test sees, below /_test: who asked for what, how to fail, users, clients and keys.
import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const KEPT = 10_000;
const PREFIX = '/_test/';

async function body(req) {
  let text = '';
  for await (const part of req) text += part;
  return text ? JSON.parse(text) : {};
}

function same(left = '', right) {
  const [one, two] = [Buffer.from(left), Buffer.from(right)];
  return one.length === two.length && timingSafeEqual(one, two);
}

export class Control {
  #requests = [];
  #faults = [];
  #token;
  #actions;

  // actions: function by name, such as { 'POST users': async (wishes) => answer }
  constructor(token, actions) {
    this.#token = token;
    this.#actions = {
      'GET requests': () => this.#requests,
      'DELETE requests': () => { this.#requests = []; },
      'POST faults': (fault) => { this.#faults.push({ ...fault, left: fault.times ?? Infinity }); },
      'DELETE faults': () => { this.#faults = []; },
      ...actions,
    };
  }

  // Wraps the provider: counts, fails when told to, and answers what is the test's own.
  handler(provider) {
    return (req, res) => {
      const { pathname: path } = new URL(req.url, 'http://localhost');
      const work = path.startsWith(PREFIX)
        ? this.#answer(req, res, path.slice(PREFIX.length))
        : this.#serve(req, res, path, provider);
      work.catch((error) => {
        console.error(error);
        res.destroy();
      });
    };
  }

  async #serve(req, res, path, provider) {
    const entry = { at: Date.now() / 1000, method: req.method, path, status: null };
    this.#requests.push(entry);
    if (this.#requests.length > KEPT) this.#requests.shift();
    req.noted = entry;
    res.once('close', () => { entry.status = res.headersSent ? res.statusCode : null; });
    const fault = this.#faults.find((each) => each.left > 0 && each.path === path);
    if (!fault) return provider(req, res);
    fault.left -= 1;
    if (fault.delay) await sleep(fault.delay * 1000);
    if (fault.reset) return req.socket.resetAndDestroy?.();
    if (!fault.status) return provider(req, res);
    req.resume();
    res.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    res.end(fault.body ?? JSON.stringify({ error: 'temporarily_unavailable' }));
  }

  async #answer(req, res, name) {
    const reply = (status, answer) => {
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(answer ?? {}));
    };
    const action = this.#actions[`${req.method} ${name}`];
    if (!same(req.headers.authorization, `Bearer ${this.#token}`)) return reply(401, { error: 'wrong token' });
    if (!action) return reply(404, { error: `no ${req.method} ${name}` });
    try {
      reply(200, await action(await body(req)));
    } catch (error) {
      reply(400, { error: error.error_description ?? error.message });
    }
  }
}
