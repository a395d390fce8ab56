/** Opens the channel to a server of any kind: the one place that chooses between processes and sockets. */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { McpServerUnavailable } from "../McpError.ts"
import { McpLogins } from "../login/McpLogins.ts"
import type { RetryPolicy } from "../../resilience/RetryPolicy.ts"
import type { ServerChannel } from "./ServerChannel.ts"
import * as ProcessGuard from "./ProcessGuard.ts"
import type { Launch } from "../config/Launch.ts"

export class McpTransport extends Context.Tag("@lms-bridge/core/mcp/McpTransport")<
  McpTransport,
  {
    /** `environment` is the whole environment of a process. Closing the scope leaves nothing behind. */
    readonly open: (
      server: string,
      launch: Launch,
      environment: Readonly<Record<string, string>>,
      /** For a remote server that is not ready at first. */
      policy?: RetryPolicy
    ) => Effect.Effect<ServerChannel, McpServerUnavailable, Scope.Scope>
  }
>() {
  static readonly layer: Layer.Layer<McpTransport, never, CommandExecutor.CommandExecutor | McpLogins> = Layer.scoped(
    this,
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const logins = yield* McpLogins
      const guard = yield* ProcessGuard.make
      // the executable's, if it provides one: a caller that opens a connection need not know it
      const fetch = yield* Effect.serviceOption(FetchHttpClient.Fetch)
      return McpTransport.of({
        open: (server, launch, environment, policy) =>
          launch._tag === "Stdio"
            ? Effect.flatMap(Effect.zip(stdio, guard.hold), ([{ start }, watch]) =>
                start({ server, launch, environment, watch })
              ).pipe(Effect.provideService(CommandExecutor.CommandExecutor, executor))
            : Effect.flatMap(http, ({ make }) => {
                const opened = make({ server, launch, kind: launch.kind === "sse" ? "sse" : "http", logins, policy })
                return Option.isNone(fetch) ? opened : Effect.provideService(opened, FetchHttpClient.Fetch, fetch.value)
              })
      })
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// The SDK is loaded with the first server that is used: it would slow down every start, and not every start needs it.

const stdio = Effect.promise(() => import("./ProcessTransport.ts"))

const http = Effect.promise(() => import("./HttpTransport.ts"))
