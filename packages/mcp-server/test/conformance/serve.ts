/** The fixture over HTTP on a free port; the first line of stdout is its URL. Started by `run.mjs`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as ModernHttp from "#src/protocol/eras/ModernHttp.ts"
import { serve } from "#src/protocol/Server.ts"
import { serveSessions } from "#src/http/serveHttp.ts"
import { Console, Context, Effect, Logger, Option } from "effect"
import { fixture } from "./Fixture.ts"

const load = Effect.succeed({ surface: fixture, context: Context.empty() })

Effect.flatMap(ModernHttp.make({ load, detachAfter: "never" }), (modern) =>
  serveSessions(
    { host: "127.0.0.1", port: 0, token: Option.none(), listening: Console.log, modern },
    (transport, connected) => serve({ load, detachAfter: "never", transport, connected, era: "legacy" })
  )
).pipe(
  Effect.scoped,
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  NodeRuntime.runMain({ disablePrettyLogger: true })
)
