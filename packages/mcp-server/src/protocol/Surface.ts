/**
 * Everything that a client can see and call. Loaded when a client first asks for it: `initialize` is answered without.
 */
import type { Services } from "@lms-bridge/core/Bridge"
import { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { prompts } from "./Prompts.ts"
import * as RateLimits from "./RateLimits.ts"
import { resources, serverChanges, templates } from "./Resources.ts"
import * as Shelf from "./skills/Shelf.ts"
import { Runs } from "../runs/Runs.ts"
import type { Surface } from "./Server.ts"
import { chosen, describesOutput } from "../tools/Tools.ts"

/** For clients that know no skills, a resource like others. */
const ownSkill = {
  uri: Shelf.ownUri,
  name: Shelf.own.name,
  title: "How to delegate",
  description: Shelf.own.description,
  mimeType: "text/markdown",
  read: Effect.succeed(Shelf.own.text)
}

/** The surface of the configured toolsets. */
export const surface: Effect.Effect<Surface<Services | Settings | Runs>, never, Settings> = Effect.map(
  Effect.all([Settings, RateLimits.make]),
  ([{ toolsets }, limits]) => ({
    limits,
    tools: chosen(toolsets),
    describeOutput: describesOutput(toolsets),
    reading: { resources: [...resources, ownSkill], templates, prompts, skills: Shelf },
    changes: Stream.merge(Stream.unwrap(Effect.map(Runs, ({ changes }) => changes)), serverChanges)
  })
)
