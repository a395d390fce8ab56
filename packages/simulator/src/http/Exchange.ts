/** The input of a route handler, and body parsing that several routes share. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Json from "../internal/json.ts"
import type { Request } from "../Recorder.ts"
import type { World } from "../World.ts"
import * as ChatTemplates from "../model/ChatTemplates.ts"
import * as GrammarCheck from "../model/GrammarCheck.ts"
import type { Prompt } from "../model/SimulatedModel.ts"
import * as Habits from "../model/Habits.ts"
import * as Generation from "../model/Generation.ts"
import type { ApiFault, Reply } from "./Reply.ts"
import * as ErrorBody from "./ErrorBody.ts"

export interface Exchange {
  readonly world: World
  readonly request: Request
  /** The value of the route's `:name`, decoded. */
  readonly parameter: string
}

export type Handler = (exchange: Exchange) => Effect.Effect<Reply, ApiFault>

/** The body as an object; anything else is refused in the route's own style. */
export const bodyOf = (exchange: Exchange): Effect.Effect<Json.JsonObject, ApiFault> => {
  const parsed = Json.parse(exchange.request.body)
  if (Option.isSome(parsed) && Json.isObject(parsed.value)) return Effect.succeed(parsed.value)
  const path = exchange.request.path
  // The status and the text around the parser's message are not on record.
  const message = `Received request for ${path} with invalid JSON`
  return path.startsWith("/api/v1/")
    ? ErrorBody.native(400, "invalid_request", message)
    : ErrorBody.openAi(400, message)
}

/** Begins a generation with the current model, and writes it to the log stream. */
export const generate = Effect.fnUntraced(function* (world: World, request: Generation.GenerationRequest) {
  const model = yield* Ref.get(world.model)
  const onDisk = (yield* world.state.get).models.find((candidate) => candidate.key === request.instance.key)
  const words = onDisk?.template === undefined ? undefined : ChatTemplates.refusal(onDisk.template, request.prompt)
  if (words !== undefined) {
    const { templateErrors } = yield* world.state.settings
    return yield* new Generation.EngineFault({
      kind: "scripted",
      ...(templateErrors === "rendering"
        ? { text: ChatTemplates.wrapped(words), status: 400 }
        : { text: ChatTemplates.ofEngine(words), status: 500 })
    })
  }
  const { api } = yield* world.state.settings
  const isLmStudio = api === "native-v1" || api === "legacy-v0"
  const unread = isLmStudio ? GrammarCheck.refusal(request.prompt.answerSchema, onDisk?.format ?? "gguf") : undefined
  if (unread !== undefined) return yield* new Generation.EngineFault({ kind: "scripted", text: unread, status: 400 })
  const prompt = onDisk === undefined ? request.prompt : Habits.heard(onDisk, request.prompt)
  const answer = (prompt: Prompt) =>
    Effect.map(model.answer(prompt), (turn) => (onDisk === undefined ? turn : Habits.written(onDisk, prompt, turn)))
  const generation = yield* Generation.begin(world.state, { ...model, answer }, { ...request, prompt }).pipe(
    Effect.tapError((fault) => (fault.kind === "script" ? world.recorder.problem(fault.text) : Effect.void))
  )
  yield* world.logs.publish({
    type: "llm.prediction.input",
    input: request.prompt.messages.map((message) => `${message.role}: ${message.text}`).join("\n"),
    modelPath: onDisk?.path ?? request.instance.key,
    modelIdentifier: request.instance.id
  })
  return {
    generation: { turn: generation.turn, pieces: logged(world, request.instance.id, generation.pieces) },
    onDisk
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const logged = (
  world: World,
  modelIdentifier: string,
  pieces: Generation.Generation["pieces"]
): Generation.Generation["pieces"] =>
  Stream.tap(pieces, (piece) =>
    piece._tag === "Done"
      ? world.logs.publish({
          type: "llm.prediction.output",
          output: piece.completed.text,
          stats: {
            stopReason: piece.completed.stopReason,
            tokensPerSecond: Generation.tokensPerSecond(piece.completed),
            timeToFirstTokenSec: piece.completed.secondsToFirstToken,
            promptTokensCount: piece.completed.usage?.prompt ?? 0,
            predictedTokensCount: piece.completed.usage?.completion ?? 0,
            totalTokensCount: (piece.completed.usage?.prompt ?? 0) + (piece.completed.usage?.completion ?? 0)
          },
          modelIdentifier
        })
      : Effect.void
  )
