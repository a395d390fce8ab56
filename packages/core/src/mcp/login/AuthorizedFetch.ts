/** `fetch` that sends the server its token, and retries once with another if the first is refused. */
import { extractWWWAuthenticateParams, type FetchLike } from "@modelcontextprotocol/client"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { present } from "../../schema/Fields.ts"
import type { Access } from "./Access.ts"
import type { Challenge } from "./StoredLogin.ts"

/** The token is sent only to the origin of `url`. `run` runs an effect for as long as the connection lasts. */
export const make =
  (options: {
    readonly fetch: FetchLike
    readonly url: URL
    readonly access: Access
    readonly run: <A>(effect: Effect.Effect<A>) => Promise<A>
  }): FetchLike =>
  (url, init) => {
    const { access, fetch, run } = options
    if (new URL(url).origin !== options.url.origin) return fetch(url, init)
    const send = (token: Redacted.Redacted | undefined) => fetch(url, withToken(init, token))
    return run(access.token).then((token) =>
      send(token).then((response) => {
        const challenge = challengeOf(response)
        if (challenge === undefined) return response
        return run(access.refused(token, challenge)).then((other) =>
          other === undefined
            ? response
            : Promise.resolve(response.body?.cancel())
                .then(() => send(other))
                .then((second) => {
                  const again = challengeOf(second)
                  return again === undefined
                    ? second
                    : run(access.refused(other, { ...again, renewed: true })).then(() => second)
                })
        )
      })
    )
  }

/** The challenge in a response; undefined if it is not a refusal because of a login or of rights. */
export const challengeOf = (response: Response): (Challenge & { readonly rights: boolean }) | undefined => {
  if (response.status !== 401 && response.status !== 403) return undefined
  const { error, resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response)
  const rights = error === "insufficient_scope"
  // any other 403 has nothing to do with logins
  if (response.status === 403 && !rights) return undefined
  return {
    rights,
    ...present({ scope }),
    ...(resourceMetadataUrl === undefined ? {} : { metadata: resourceMetadataUrl.href })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withToken = (init: RequestInit | undefined, token: Redacted.Redacted | undefined): RequestInit => {
  if (token === undefined) return init ?? {}
  const headers = new Headers(init?.headers)
  headers.set("Authorization", `Bearer ${Redacted.value(token)}`)
  return { ...init, headers }
}
