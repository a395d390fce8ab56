/** Tells the login service that a login has ended (RFC 7009), if the service supports it. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { present } from "../../schema/Fields.ts"
import * as OAuthErrors from "./OAuthErrors.ts"
import { secretsOf, type StoredLogin } from "./StoredLogin.ts"

/** How long it may take: the login is deleted here whatever the service answers. */
export const within = "5 seconds"

/** True when the service has revoked the tokens. */
export const revoke = Effect.fn("Revocation.revoke")(function* (login: StoredLogin, fetch: typeof globalThis.fetch) {
  const { authority, client, tokens } = login
  const address = authority?.endpoints?.revocation
  // without its refresh token an access token soon expires
  const token = tokens?.refresh ?? tokens?.access
  if (address === undefined || token === undefined) return false
  const secret = client?.secret === undefined ? undefined : Redacted.value(client.secret)
  const basic = secret !== undefined && client?.authMethod !== "client_secret_post"
  const headers = basic ? { authorization: `Basic ${btoa(`${client?.id}:${secret}`)}` } : undefined
  const body = new URLSearchParams({
    token: Redacted.value(token),
    token_type_hint: tokens?.refresh === undefined ? "access_token" : "refresh_token",
    ...(client === undefined || basic ? {} : { client_id: client.id }),
    ...(secret === undefined || basic ? {} : { client_secret: secret })
  })
  return yield* OAuthErrors.attempt(
    (signal) =>
      OAuthErrors.guarded(fetch)(address, {
        method: "POST",
        body,
        signal,
        ...present({ headers })
      }),
    () => secretsOf(login)
  ).pipe(
    Effect.map(({ ok }) => ok),
    Effect.timeout(within),
    Effect.catchAll(({ message }) =>
      Effect.as(Effect.logDebug("the login service could not be told of the logout", { reason: message }), false)
    )
  )
})
