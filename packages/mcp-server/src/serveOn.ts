/**
 * Serves the configured surface on any transport, with the services of the context.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import type { Runs } from "./runs/Runs.ts"
import { present } from "@lms-bridge/core/Json"
import * as ModernHttp from "./protocol/eras/ModernHttp.ts"
import * as Server from "./protocol/Server.ts"
import { surface } from "./protocol/Surface.ts"

/** `connected` runs once the transport accepts messages. Callers take turns at models and servers. */
export const serveOn = Effect.fnUntraced(function* (
  transport: Server.AnyTransport,
  connected: Effect.Effect<unknown> = Effect.void,
  caller = "",
  era?: "legacy"
) {
  yield* Server.serve({ ...(yield* prepared), connected, caller, transport, ...present({ era }) })
})

/** For the requests of HTTP that belong to no session. */
export const modernHttp = Effect.flatMap(
  Effect.suspend(() => prepared),
  ModernHttp.make
)

const prepared = Effect.gen(function* () {
  const { detachAfter, toolsets } = yield* Settings
  const context = yield* Effect.context<Services | Settings | Runs>()
  return { load: Effect.map(surface, (surface) => ({ surface, context })), detachAfter, toolsets }
})
