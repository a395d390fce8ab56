/**
 * The whole server, as it is configured, on any transport.
 */
import { Settings } from "@lms-bridge/core/configuration/Settings"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { prompts } from "./Prompts.ts"
import { resources, templates } from "./Resources.ts"
import { Runs } from "./Runs.ts"
import * as Server from "./Server.ts"
import { chosen, describesOutput } from "./Tools.ts"

/** `connected` runs once the transport takes messages. */
export const serveOn = Effect.fnUntraced(function* (
  transport: Server.AnyTransport,
  connected: Effect.Effect<unknown> = Effect.void
) {
  const { detachAfter, toolsets } = yield* Settings
  yield* Server.serve({
    tools: chosen(toolsets),
    describeOutput: describesOutput(toolsets),
    reading: { resources, templates, prompts },
    changes: Stream.unwrap(Effect.map(Runs, ({ changes }) => changes)),
    detachAfter,
    connected,
    transport
  })
})
