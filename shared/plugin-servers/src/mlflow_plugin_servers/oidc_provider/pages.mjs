// The pages that a person sees, as plain forms: a test answers them by HTTP, without a browser.
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => ENTITIES[letter]);

export function page(ctx, title, body, status = 200) {
  ctx.status = status;
  ctx.type = 'html';
  ctx.body = `<!DOCTYPE html><html lang="en"><title>${escape(title)}</title><h1>${escape(title)}</h1>${body}</html>`;
}

const LOGIN = `<form method="post">
<label>User <input name="username" autocomplete="off"></label>
<label>Password <input name="password" type="password"></label>
<button name="answer" value="sign-in">Sign in</button>
<button name="answer" value="cancel">Cancel</button></form>`;

const consent = (client, scopes) => `<p>${escape(client)} asks for: ${escape(scopes.join(' '))}</p>
<form method="post"><button name="answer" value="allow">Allow</button>
<button name="answer" value="cancel">Cancel</button></form>`;

async function form(req) {
  let text = '';
  for await (const part of req) text += part;
  return new URLSearchParams(text);
}

async function allow(provider, { grantId, session, params, prompt }) {
  const made = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const grant = grantId ? await provider.Grant.find(grantId) : made;
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return { consent: grantId ? {} : { grantId: await grant.save() } };
}

// Answers /interaction/:uid, where the provider sends people to sign in and to consent.
export function interactions(provider, store) {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const { prompt, params } = details;
    const show = prompt.name === 'login'
      ? () => page(ctx, 'Sign in', LOGIN)
      : () => page(ctx, 'Consent', consent(params.client_id, (params.scope ?? '').split(' ')));
    if (ctx.method === 'GET') return show();
    const answers = await form(ctx.req);
    const finish = (result) => {
      ctx.respond = false;
      return provider.interactionFinished(ctx.req, ctx.res, result, {
        mergeWithLastSubmission: prompt.name !== 'login',
      });
    };
    if (answers.get('answer') === 'cancel') {
      return finish({ error: 'access_denied', error_description: 'the person said no' });
    }
    if (prompt.name !== 'login') return finish(await allow(provider, details));
    const name = answers.get('username');
    const user = store.get(`User:${name}`);
    if (!user || user.password !== answers.get('password')) {
      return page(ctx, 'Sign in', `<p role="alert">Wrong user or password.</p>${LOGIN}`, 401);
    }
    return finish({ login: { accountId: name } });
  };
}

export const device = {
  userCodeInputSource(ctx, code, out, error) {
    const wrong = error ? `<p role="alert">${escape(error.userCode ? 'Wrong code.' : error.message)}</p>` : '';
    page(ctx, 'Device', `${wrong}${code}<button form="op.deviceInputForm">Continue</button>`, error ? 400 : 200);
  },
  userCodeConfirmSource(ctx, code, client, info, userCode) {
    page(ctx, 'Confirm device', `<p>${escape(client.clientId)} shows ${escape(userCode)}</p>${code}
<button form="op.deviceConfirmForm">Continue</button>
<button form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button>`);
  },
  successSource(ctx) {
    page(ctx, 'Done', '<p>You can close this page.</p>');
  },
};
