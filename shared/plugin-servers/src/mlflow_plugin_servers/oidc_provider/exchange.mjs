// Token exchange (RFC 8693), which the provider leaves to its user: an access token of ours for one with another audience.
import { errors } from 'oidc-provider';
import { createLocalJWKSet, jwtVerify } from 'jose';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const EXCHANGE_PARAMETERS = [
  'subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope',
];
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const KINDS = [ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt'];

async function subject(provider, ctx, publicKeys) {
  const { subject_token: value, subject_token_type: kind } = ctx.oidc.params;
  if (!value || !KINDS.includes(kind)) {
    throw new errors.InvalidRequest('subject_token and subject_token_type of an access token are needed');
  }
  const known = await provider.AccessToken.find(value);
  if (known) return { accountId: known.accountId, scope: known.scope };
  try {
    const { payload } = await jwtVerify(value, createLocalJWKSet(publicKeys()), { issuer: provider.issuer });
    return { accountId: payload.sub, scope: payload.scope };
  } catch (error) {
    throw new errors.InvalidGrant(`subject_token is not valid: ${error.message}`);
  }
}

export function exchange(provider, publicKeys, resourceServer) {
  return async (ctx) => {
    const { client, params } = ctx.oidc;
    const { accountId, scope: held = '' } = await subject(provider, ctx, publicKeys);
    const wanted = params.scope ?? held;
    const had = new Set(held.split(' '));
    if (wanted.split(' ').some((scope) => scope && !had.has(scope))) {
      throw new errors.InvalidScope('more than the subject_token holds', wanted);
    }
    const audience = params.audience ?? params.resource ?? client.clientId;
    const token = new provider.AccessToken({ accountId, client, gty: 'token_exchange', scope: wanted || undefined });
    token.resourceServer = new provider.ResourceServer(audience, resourceServer(audience));
    ctx.oidc.entity('AccessToken', token);
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: ACCESS_TOKEN,
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: token.scope || undefined,
    };
  };
}
