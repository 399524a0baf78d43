// One provider on two issuers, by http and by https: node server.mjs PORT HTTPS_PORT, in a folder with settings.json.
import { X509Certificate, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import { Provider } from 'oidc-provider';

import { Control } from './control.mjs';
import { EXCHANGE_PARAMETERS, TOKEN_EXCHANGE, exchange } from './exchange.mjs';
import { device, interactions, page } from './pages.mjs';
import { Adapter, Store } from './store.mjs';

const HOST = '127.0.0.1';
const [port, securePort] = process.argv.slice(2).map(Number);
const settings = JSON.parse(readFileSync('settings.json', 'utf8'));
const store = new Store('state.jsonl');
const scopes = settings.scopes.split(' ');

function newKeys() {
  const key = (kind, options, alg) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), alg, kid: randomUUID(), use: 'sig',
  });
  return [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')];
}

function keys() {
  if (!store.get('Keys')) store.set('Keys', { keys: newKeys() });
  return store.get('Keys');
}

function publicKeys() {
  return { keys: keys().keys.map(({ d, p, q, dp, dq, qi, ...shown }) => shown) };
}

// Access tokens for a resource are JWTs that its server verifies by itself.
const resourceServer = (audience) => ({
  audience, scope: settings.scopes, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
});

function certificate(ctx) {
  const { raw } = ctx.socket.getPeerCertificate?.() ?? {};
  return raw && new X509Certificate(raw).toString();
}

// The name is signed by the authority that this server trusts: the handshake saw to that (certificateAuthorized).
function certificateNames(ctx, property, expected) {
  const { subject, subjectAltName = '' } = new X509Certificate(certificate(ctx));
  if (property === 'tls_client_auth_subject_dn') return subject.split('\n').join(',') === expected;
  const prefix = { tls_client_auth_san_dns: 'DNS:', tls_client_auth_san_uri: 'URI:', tls_client_auth_san_email: 'email:' };
  return subjectAltName.split(', ').includes(`${prefix[property]}${expected}`);
}

const seconds = (name) => (ctx, token, client) => client?.[name] ?? Number(settings[name]);

const configuration = {
  adapter: (kind) => new Adapter(store, kind),
  clients: [],
  scopes: ['openid', 'offline_access', ...scopes],
  claims: {
    openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'], profile: ['name', 'preferred_username'],
  },
  conformIdTokenClaims: false,
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth',
    'self_signed_tls_client_auth', 'none',
  ],
  cookies: { keys: [settings.control_token] },
  extraClientMetadata: { properties: ['access_token_seconds', 'refresh_token_seconds', 'token_claims'] },
  extraTokenClaims(ctx, token) {
    const { groups } = store.get(`User:${token.accountId}`)?.claims ?? {};
    return { ...ctx.oidc.client?.token_claims, ...(groups && { groups }) };
  },
  expiresWithSession: () => false,
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: () => settings.rotate_refresh_tokens === 'true',
  ttl: {
    AccessToken: seconds('access_token_seconds'),
    ClientCredentials: seconds('access_token_seconds'),
    DeviceCode: seconds('device_code_seconds'),
    IdToken: seconds('id_token_seconds'),
    RefreshToken: seconds('refresh_token_seconds'),
    AuthorizationCode: () => 60,
    Grant: () => 86_400,
    Interaction: () => 3_600,
    Session: () => 86_400,
  },
  async findAccount(ctx, name) {
    const user = store.get(`User:${name}`);
    return user && { accountId: name, claims: () => ({ ...user.claims, sub: name }) };
  },
  renderError: (ctx, out) => page(ctx, 'Error', `<pre>${JSON.stringify(out).replace(/</g, '&lt;')}</pre>`, ctx.status),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true, ...device },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: certificate,
      certificateAuthorized: (ctx) => ctx.socket.authorized === true,
      certificateSubjectMatches: certificateNames,
    },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // With `openid` and no resource the token is for the provider itself: it opens userinfo.
      defaultResource: (ctx, client, oneOf) => oneOf
        ?? (ctx.oidc.params.scope?.split(' ').includes('openid') ? undefined : settings.audience),
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, audience) => resourceServer(audience),
    },
    revocation: { enabled: true },
  },
};

function build(issuer) {
  const provider = new Provider(issuer, { ...configuration, jwks: keys() });
  provider.registerGrantType(TOKEN_EXCHANGE, exchange(provider, publicKeys, resourceServer), EXCHANGE_PARAMETERS);
  provider.use(async (ctx, next) => {
    await next();
    const { grant_type: grant, client_id: named } = ctx.oidc?.params ?? {};
    Object.assign(ctx.req.noted, { grant_type: grant, client_id: ctx.oidc?.client?.clientId ?? named });
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) {
      ctx.body.interval = Number(settings.device_interval_seconds);
    }
  });
  provider.use(interactions(provider, store));
  provider.on('server_error', (ctx, error) => console.error(error));
  return provider;
}

const issuers = [`http://${HOST}:${port}`, `https://${HOST}:${securePort}`];
let providers = issuers.map(build);

const control = new Control(settings.control_token, {
  'GET about': () => ({ issuers, authority: readFileSync('authority.pem', 'utf8'), settings: { audience: settings.audience } }),
  async 'POST clients'(client) {
    store.set(`Client:${client.client_id}`, client);
    try {
      await providers[0].Client.find(client.client_id);
    } catch (error) {
      store.set(`Client:${client.client_id}`, null);
      throw error;
    }
  },
  'DELETE clients'({ client_id: id }) { store.set(`Client:${id}`, null); },
  'POST users'({ name, ...user }) { store.set(`User:${name}`, user); },
  'DELETE users'({ name }) { store.set(`User:${name}`, null); },
  'POST keys'({ keep }) {
    store.set('Keys', { keys: [...newKeys(), ...(keep ? keys().keys : [])] });
    providers = issuers.map(build);
  },
});

const handle = (index) => control.handler((req, res) => providers[index].callback()(req, res));
const tls = {
  cert: readFileSync('server.pem'), key: readFileSync('server.key'), ca: readFileSync('authority.pem'),
  requestCert: true, rejectUnauthorized: false,
};
async function listen(server, number) {
  server.on('error', (error) => {
    console.error(error.code === 'EADDRINUSE' ? `${HOST}:${number}: address already in use` : error);
    process.exit(1);
  });
  await new Promise((resolve) => { server.listen(number, HOST, resolve); });
}

// The one that is asked whether all is ready comes last.
await listen(https.createServer(tls, handle(1)), securePort);
await listen(http.createServer(handle(0)), port);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
