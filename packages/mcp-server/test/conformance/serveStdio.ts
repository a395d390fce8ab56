/** The fixture on stdin and stdout. Started by the tests over stdio. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { hungUp } from "#src/hungUp.ts"
import { serve, stdioTransport } from "#src/protocol/Server.ts"
import { Context, Effect, Logger } from "effect"
import { fixture } from "./Fixture.ts"

const load = Effect.succeed({ surface: fixture, context: Context.empty() })

Effect.suspend(() => Effect.raceFirst(serve({ load, detachAfter: "never", transport: stdioTransport() }), hungUp)).pipe(
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  NodeRuntime.runMain({ disablePrettyLogger: true })
)
