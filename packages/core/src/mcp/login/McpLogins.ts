/**
 * Logins to remote MCP servers: made by a person in a browser, stored on disk, renewed when they expire, revoked on
 * logout.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Settings } from "../../configuration/Settings.ts"
import type { RemoteServer } from "../config/Launch.ts"
import type { Access } from "./Access.ts"
import type { OpenCallback } from "./Callback.ts"
import * as LoginStore from "./LoginStore.ts"
import { McpLoginFailed } from "./McpLoginFailed.ts"

export interface LoginRequest {
  readonly openCallback: OpenCallback
  /** How long the person may take. */
  readonly timeout: Duration.Duration
}

export class McpLogins extends Context.Tag("@lms-bridge/core/mcp/McpLogins")<
  McpLogins,
  {
    /** The token of a server, shared by all its connections. */
    readonly access: (server: RemoteServer) => Effect.Effect<Access>
    /** `wanted`: the server refused, and only a person can change that. Undefined when nothing is known. */
    readonly state: (server: RemoteServer) => Effect.Effect<"done" | "wanted" | undefined>
    /** Succeeds when the login is stored. A failed login does not lose the stored one. */
    readonly login: (server: RemoteServer, request: LoginRequest) => Effect.Effect<void, McpLoginFailed>
    /** Deletes all logins under a name, and revokes them at their services. False if there was none. */
    readonly logout: (name: string) => Effect.Effect<boolean, McpLoginFailed>
  }
>() {
  static readonly layer: Layer.Layer<McpLogins, never, Settings | FileSystem.FileSystem | Path.Path> = Layer.scoped(
    this,
    Effect.suspend(() => make)
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// The SDK's OAuth is loaded when a remote server is used or logged in to, because it would slow down every start.

const accessModule = Effect.promise(() => import("./Access.ts"))
const loginModule = Effect.promise(() => import("./Login.ts"))
const revocationModule = Effect.promise(() => import("./Revocation.ts"))

// the SDK's OAuth uses fetch, not HttpClient; a program may provide another fetch as the Fetch service
// @effect-diagnostics-next-line globalFetch:off
const platformFetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)

const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const store = yield* LoginStore.make
  const fetch = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.Fetch), () => platformFetch)
  const accesses = new Map<string, { readonly name: string; readonly access: Access }>()

  const reread = (name: string) =>
    Effect.forEach(
      [...accesses.values()].filter((known) => known.name === name),
      ({ access }) => access.reread,
      { discard: true }
    )

  return McpLogins.of({
    access: Effect.fnUntraced(function* (server) {
      const { make } = yield* accessModule
      const key = identityOf(server)
      const known = accesses.get(key)
      if (known !== undefined) return known.access
      const access = yield* Effect.provideService(make({ server, store, fetch }), Scope.Scope, scope)
      // another fiber may have created it meanwhile
      const { access: first } = accesses.get(key) ?? { access }
      accesses.set(key, { name: server.name, access: first })
      return first
    }),
    state: Effect.fnUntraced(function* (server) {
      const { lacks, tokens } = yield* store.read(server)
      if (lacks !== undefined && lacks !== "refused") return "wanted" as const
      if (tokens === undefined) return undefined
      if (server.oauth.grant === "client_credentials") return "done" as const
      const now = yield* Clock.currentTimeMillis
      return tokens.refresh === undefined && (tokens.expiresAt ?? now) < now ? "wanted" : "done"
    }),
    login: Effect.fn("McpLogins.login")(function* (server, { openCallback, timeout }) {
      yield* Effect.annotateCurrentSpan({ server: server.name })
      const { login } = yield* loginModule
      if (server.oauth.grant === "client_credentials") {
        return yield* new McpLoginFailed({ server: server.name, reason: "ByItself", detail: "" })
      }
      const before = yield* store.read(server)
      const made = yield* login({ server, before, fetch, openCallback, timeout })
      yield* store.alone(server)(store.write(server, made))
      yield* reread(server.name)
    }),
    logout: Effect.fn("McpLogins.logout")(function* (name) {
      yield* Effect.annotateCurrentSpan({ server: name })
      const removed = yield* store.remove(name)
      yield* reread(name)
      const given = removed.filter(({ tokens }) => tokens !== undefined)
      const { revoke } = yield* revocationModule
      yield* Effect.forEach(given, (login) => revoke(login, fetch), { concurrency: 4, discard: true })
      return given.length > 0
    })
  })
})

/** The values on which a login depends. */
const identityOf = ({ name, oauth, url }: RemoteServer) => {
  const { clientId, clientSecret, grant, scope } = oauth
  const secret = clientSecret === undefined ? "" : Redacted.value(clientSecret)
  return [name, Redacted.value(url), clientId, secret, scope, grant].join("\n")
}
