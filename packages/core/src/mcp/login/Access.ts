/**
 * The token of one remote server, for all its connections: renewed when it is about to expire or was refused, by one
 * process at a time; read from the file again when another process has renewed it or a person has logged in.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { present } from "../../schema/Fields.ts"
import type { RemoteServer } from "../config/Launch.ts"
import type { LoginStore } from "./LoginStore.ts"
import * as OAuthErrors from "./OAuthErrors.ts"
import * as Renewal from "./Renewal.ts"
import { type Challenge, covers, type Lack, secretsOf, type StoredLogin, type Tokens, union } from "./StoredLogin.ts"

/** How long before it expires a token is renewed, so that it outlives its request. */
export const renewedBefore = Duration.seconds(30)

export interface Access {
  /** The token to send with a request; undefined without a login. */
  readonly token: Effect.Effect<Redacted.Redacted | undefined>
  /**
   * The server refused `token`: returns another one to try, if there is one. `rights`: it requires more rights.
   * `renewed`: the token was new, so that a newer one does not help.
   */
  readonly refused: (
    token: Redacted.Redacted | undefined,
    challenge: Challenge & { readonly rights: boolean; readonly renewed?: boolean }
  ) => Effect.Effect<Redacted.Redacted | undefined>
  /** What only a person can provide. */
  readonly lacks: Effect.Effect<Lack | undefined>
  readonly redact: (text: string) => string
  /** Called after a login or a logout in this process has changed the file. */
  readonly reread: Effect.Effect<void>
}

/** Renewing continues in the scope: if the caller is interrupted, the token would be lost otherwise. */
export const make = Effect.fnUntraced(function* (options: {
  readonly server: RemoteServer
  readonly store: LoginStore
  readonly fetch: typeof globalThis.fetch
}) {
  const { fetch, server, store } = options
  const scope = yield* Effect.scope
  const oneAtATime = yield* Effect.makeSemaphore(1)
  const state: { login: StoredLogin | undefined; readonly secrets: Set<Redacted.Redacted> } = {
    login: undefined,
    secrets: new Set(server.oauth.clientSecret === undefined ? [] : [server.oauth.clientSecret])
  }

  const take = (login: StoredLogin) => {
    state.login = login
    for (const secret of secretsOf(login)) state.secrets.add(secret)
    return login
  }
  const read = Effect.map(store.read(server), take)
  const known = Effect.suspend(() => (state.login === undefined ? read : Effect.succeed(state.login)))
  const keep = (login: StoredLogin) =>
    Effect.zipRight(
      Effect.sync(() => take(login)),
      // a token that cannot be stored still works for this process
      Effect.catchAll(store.write(server, login), ({ message }) => Effect.logWarning(message))
    )

  /** A token other than `refused`; requests one from the service if there is none. */
  const renew = Effect.fnUntraced(
    function* (refused: Redacted.Redacted | undefined, challenge: Challenge) {
      const login = yield* read
      const { tokens } = login
      if (isOther(tokens, refused)) return tokens.access
      if (!Renewal.isPossible(server, login)) return undefined
      yield* Effect.logDebug("renewing the login of an MCP server")
      const renewed = yield* Effect.uninterruptibleMask((restore) =>
        restore(Renewal.renew(server, { ...login, challenge }, fetch)).pipe(
          Effect.tap((tokens) => keep({ ...withoutLack(login), tokens })),
          Effect.tapError(({ final }) => (final ? keep({ ...withoutTokens(login), lacks: "renewal" }) : Effect.void))
        )
      )
      return renewed.access
    },
    Effect.catchAll(({ detail, final }) =>
      Effect.as(
        Effect.logWarning("the login of an MCP server could not be renewed", {
          reason: detail,
          ...(final ? { next: `lms-bridge mcp login ${server.name}` } : {})
        }),
        undefined
      )
    ),
    store.alone(server),
    oneAtATime.withPermits(1),
    Effect.annotateLogs({ server: server.name }),
    Effect.forkIn(scope),
    Effect.flatMap(Fiber.join)
  )

  const access: Access = {
    token: Effect.gen(function* () {
      const { tokens } = yield* known
      if (tokens?.expiresAt === undefined) return tokens?.access
      const now = yield* Clock.currentTimeMillis
      if (tokens.expiresAt - Duration.toMillis(renewedBefore) > now) return tokens.access
      // the server decides whether the old one still works
      return (yield* renew(tokens.access, {})) ?? tokens.access
    }),
    refused: Effect.fnUntraced(function* (token, { renewed = false, rights, ...challenge }) {
      if (!rights && !renewed) {
        const renewed = yield* renew(token, challenge)
        if (renewed !== undefined) return renewed
      }
      const login = yield* read
      const { tokens } = login
      if (isOther(tokens, token)) return tokens.access
      const lacks = rights
        ? covers(login.tokens?.scope, challenge.scope)
          ? "refused"
          : "rights"
        : Renewal.isUnattended(server)
          ? "client"
          : isLost(login, token)
            ? "renewal"
            : "login"
      // the new rights are requested in addition to the present ones
      const scope = rights ? union(login.tokens?.scope, login.challenge?.scope, challenge.scope) : challenge.scope
      const wanted = { ...challenge, ...present({ scope }) }
      if (login.lacks !== lacks || login.challenge?.scope !== scope || login.challenge?.metadata !== wanted.metadata) {
        yield* keep({ ...login, lacks, challenge: wanted })
      }
      return undefined
    }),
    lacks: Effect.sync(() => state.login?.lacks),
    redact: (text) => OAuthErrors.hide(text, [...state.secrets]),
    reread: Effect.sync(() => (state.login = undefined))
  }
  return access
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isOther = (tokens: Tokens | undefined, than: Redacted.Redacted | undefined): tokens is Tokens =>
  tokens !== undefined && !(than !== undefined && Redacted.value(tokens.access) === Redacted.value(than))

/** There was a login before. */
const isLost = ({ lacks, tokens }: StoredLogin, token: Redacted.Redacted | undefined) =>
  lacks === "renewal" || token !== undefined || tokens !== undefined

const withoutLack = ({ challenge: _, lacks: __, ...login }: StoredLogin): StoredLogin => login

const withoutTokens = ({ tokens: _, ...login }: StoredLogin): StoredLogin => login
