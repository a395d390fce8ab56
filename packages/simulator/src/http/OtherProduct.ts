/**
 * How a plain OpenAI-compatible server that is not LM Studio says that it has no such route: 404, unlike LM Studio.
 */
import * as Effect from "effect/Effect"
import type { Request } from "../Recorder.ts"
import type { World } from "../World.ts"
import type { Reply } from "./Reply.ts"
import { json } from "./Reply.ts"

export const unknownRoute = (world: World, request: Request): Effect.Effect<Reply> =>
  Effect.as(
    world.recorder.unknownRoute(`${request.method} ${request.path}`),
    json(404, { error: { code: 404, message: "File Not Found", type: "not_found_error" } })
  )
