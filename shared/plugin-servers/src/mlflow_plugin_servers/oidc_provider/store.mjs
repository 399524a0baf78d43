// What the provider remembers: in memory, and line by line in a file, so that a killed server starts again on it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export class Store {
  #rows = new Map();
  #keys = new Map(); // 'uid:…' and 'code:…' to the key of the row
  #file;

  constructor(file) {
    this.#file = file;
    for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
      try {
        this.#remember(...JSON.parse(line));
      } catch {
        // The last line may be half written.
      }
    }
  }

  get(key) {
    const row = this.#rows.get(key);
    if (row && row.until < Date.now()) {
      this.#rows.delete(key);
      return undefined;
    }
    return row?.value;
  }

  set(key, value, until = null) {
    this.#remember(key, value, until);
    appendFileSync(this.#file, `${JSON.stringify([key, value, until])}\n`);
  }

  found(index) {
    const key = this.#keys.get(index);
    return key && this.get(key);
  }

  *withGrant(grantId) {
    for (const [key, { value }] of this.#rows) {
      // Not the grant itself: it is taken back by its own id.
      if (value.grantId === grantId) yield key;
    }
  }

  #remember(key, value, until) {
    if (value === null) {
      this.#rows.delete(key);
      return;
    }
    this.#rows.set(key, { value, until: until ?? Infinity });
    if (value.uid) this.#keys.set(`uid:${value.uid}`, key);
    if (value.userCode) this.#keys.set(`code:${value.userCode}`, key);
  }
}

// The provider's own interface to what remembers, one object for each kind of thing (tokens, sessions, clients).
export class Adapter {
  constructor(store, kind) {
    this.store = store;
    this.kind = kind;
  }

  key(id) {
    return `${this.kind}:${id}`;
  }

  async upsert(id, value, seconds) {
    this.store.set(this.key(id), value, seconds ? Date.now() + seconds * 1000 : null);
  }

  async find(id) {
    return this.store.get(this.key(id));
  }

  async findByUid(uid) {
    return this.store.found(`uid:${uid}`);
  }

  async findByUserCode(code) {
    return this.store.found(`code:${code}`);
  }

  async consume(id) {
    const value = this.store.get(this.key(id));
    this.store.set(this.key(id), { ...value, consumed: Math.floor(Date.now() / 1000) });
  }

  async destroy(id) {
    this.store.set(this.key(id), null);
  }

  async revokeByGrantId(grantId) {
    for (const key of [...this.store.withGrant(grantId)]) this.store.set(key, null);
  }
}
