/**
 * One generation: waits for a slot, processes the prompt, and delivers a turn piece by piece with its faults. Every API
 * dialect renders these pieces; none of them decides anything about models.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { present } from "@lms-bridge/core/Json"
import * as Json from "../internal/json.ts"
import * as ErrorBody from "../http/ErrorBody.ts"
import { Cut } from "../http/Reply.ts"
import { digits } from "../internal/ids.ts"
import type { Instance, InstanceGone, LmStudioState, Occupation } from "../state/LmStudioState.ts"
import type { Prompt, ScriptFault, SimulatedModel } from "./SimulatedModel.ts"
import { promptTokens, tokensIn } from "./SimulatedModel.ts"
import type { Turn } from "./Script.ts"

export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

export type Piece =
  | { readonly _tag: "PromptProgress"; readonly progress: number }
  | { readonly _tag: "Reasoning"; readonly text: string }
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "ToolCall"; readonly index: number; readonly call: ToolCall }
  | { readonly _tag: "ToolArguments"; readonly index: number; readonly text: string }
  | { readonly _tag: "Done"; readonly completed: Completed }

export interface Completed {
  readonly text: string
  readonly reasoning: string
  readonly toolCalls: ReadonlyArray<ToolCall>
  readonly finishReason: string | null
  /** The SDK's name for it, as v0 and the log stream show it. */
  readonly stopReason: string
  readonly usage: { readonly prompt: number; readonly completion: number; readonly reasoning: number } | null
  readonly promptTokens: number
  readonly secondsToFirstToken: number
  readonly seconds: number
}

/** The engine failed; each route has its own status and body for this. */
export class EngineFault extends Schema.TaggedError<EngineFault>()("SimulatedEngineFault", {
  kind: Schema.Literal("overflow", "gone", "scripted", "script"),
  text: Schema.String,
  status: Schema.optionalWith(Schema.Int, { exact: true }),
  type: Schema.optionalWith(Schema.String, { exact: true }),
  code: Schema.optionalWith(Schema.String, { exact: true }),
  promptTokens: Schema.optionalWith(Schema.Int, { exact: true }),
  contextLength: Schema.optionalWith(Schema.Int, { exact: true })
}) {
  readonly retryable = false
  override get message() {
    return this.text
  }
}

export interface GenerationRequest {
  readonly instance: Instance
  readonly prompt: Prompt
  readonly maxTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
}

export interface Generation {
  readonly turn: Turn
  readonly pieces: Stream.Stream<Piece, EngineFault | Cut>
}

/**
 * Starts the model's turn and returns the stream of its pieces. Fails before the first piece only if the reply's status
 * can still report it: a scripted error with a status, or a fault of the script itself.
 */
export const begin = Effect.fnUntraced(function* (
  state: LmStudioState,
  model: SimulatedModel,
  request: GenerationRequest
) {
  const turn = yield* Effect.mapError(model.answer(request.prompt), scriptFault)
  if (turn.error?.status !== undefined && turn.error.afterPieces === 0) return yield* scripted(turn.error)
  const pieces = Stream.unwrapScoped(
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      const place = yield* placeOn(state, request.instance.id)
      const { occupation } = place
      const settings = yield* state.settings
      const tokens = promptTokens(request.prompt)
      const room = request.instance.contextLength - tokens
      if (room <= 0) {
        return yield* new EngineFault({
          kind: "overflow",
          text: ErrorBody.overflowText(settings.overflowWording, tokens, request.instance.contextLength),
          promptTokens: tokens,
          contextLength: request.instance.contextLength
        })
      }
      yield* occupation.setStatus("processingPrompt")
      const reading = Stream.make<[Piece, Piece]>(
        { _tag: "PromptProgress", progress: 0 },
        { _tag: "PromptProgress", progress: 1 }
      ).pipe(
        Stream.mapEffect((piece) =>
          piece._tag === "PromptProgress" && piece.progress === 1
            ? Effect.as(place.process(Duration.sum(settings.promptProcessing, Duration.millis(turn.delayMs))), piece)
            : Effect.succeed(piece)
        ),
        Stream.concat(Stream.drain(occupation.setStatus("generating")))
      )
      const limits = { words: turn.chunking?.words ?? settings.wordsPerPiece, room, ...request }
      const calls = yield* Effect.forEach(turn.dropCalls ? [] : turn.toolCalls, (call) =>
        Effect.map(call.id === undefined ? digits(9) : Effect.succeed(call.id), (id) => ({
          id,
          name: call.name,
          arguments: typeof call.arguments === "string" ? call.arguments : Json.stringify(call.arguments)
        }))
      )
      const plan = planPieces(turn, calls, limits)
      const delay = turn.pieceDelayMs === undefined ? settings.tokenDelay : Duration.millis(turn.pieceDelayMs)
      const finish = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const completed: Completed = {
          ...plan.completed,
          promptTokens: tokens,
          usage: usageOf(turn, tokens, plan.completed.text, plan.completed.reasoning, calls),
          secondsToFirstToken: Duration.toSeconds(settings.promptProcessing) + turn.delayMs / 1000,
          seconds: (now - started) / 1000
        }
        return { _tag: "Done", completed } as const
      })
      const faultAt = faultOf(turn, plan.pieces.length)
      const paced = Stream.fromIterable(faultAt === undefined ? plan.pieces : plan.pieces.slice(0, faultAt.after)).pipe(
        Stream.mapEffect((piece) => Effect.as(Effect.mapError(pause(occupation, delay), gone), piece))
      )
      const ending: Stream.Stream<Piece, EngineFault | Cut> =
        faultAt === undefined
          ? Stream.fromEffect(finish)
          : Stream.drain(Stream.fromEffect(fail(state, request.instance.id, occupation, faultAt, turn)))
      return Stream.concat(reading, Stream.concat(paced, ending))
    })
  )
  return { turn, pieces }
})

/** Always finite: a duration of zero counts as one millisecond. */
export const tokensPerSecond = (completed: Completed): number =>
  (completed.usage?.completion ?? 0) / Math.max(0.001, completed.seconds)

/** Runs a generation to its end, for the replies of non-streaming routes. */
export const collect = (generation: Generation): Effect.Effect<Completed, EngineFault | Cut> =>
  Stream.runFold(generation.pieces, undefined as Completed | undefined, (last, piece) =>
    piece._tag === "Done" ? piece.completed : last
  ).pipe(
    Effect.flatMap((completed) =>
      completed === undefined ? Effect.die("a generation ends with Done or with a fault") : Effect.succeed(completed)
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const gone = (cause: InstanceGone) =>
  new EngineFault({ kind: "gone", text: cause.message, ...present({ type: cause.type }) })

const scriptFault = (cause: ScriptFault) => new EngineFault({ kind: "script", text: cause.message, status: 500 })

const scripted = (error: NonNullable<Turn["error"]>) =>
  new EngineFault({
    kind: "scripted",
    text: error.message,
    ...present({ status: error.status, type: error.type, code: error.code })
  })

// A client that goes away does not stop it: LM Studio first finishes processing the prompt, and keeps the slot until
// then.
const placeOn = Effect.fnUntraced(function* (state: LmStudioState, id: string) {
  const processing = yield* Ref.make<Fiber.Fiber<unknown, unknown>>(Fiber.void)
  const slot = yield* Effect.acquireRelease(Scope.make(), (scope, exit) =>
    Effect.gen(function* () {
      const fiber = yield* Ref.get(processing)
      if (Option.isSome(yield* fiber.poll)) return yield* Scope.close(scope, exit)
      yield* state.fork(Effect.zipRight(Fiber.await(fiber), Scope.close(scope, exit)))
    })
  )
  const occupation = yield* state.occupy(id).pipe(Scope.extend(slot), Effect.mapError(gone))
  const process = Effect.fnUntraced(function* (time: Duration.Duration) {
    if (Duration.toMillis(time) === 0) return yield* Effect.mapError(occupation.present, gone)
    const fiber = yield* state.fork(Effect.raceFirst(Effect.sleep(time), occupation.gone))
    yield* Ref.set(processing, fiber)
    yield* Effect.mapError(Fiber.join(fiber), gone)
  })
  return { occupation, process }
})

const pause = (occupation: Occupation, delay: Duration.DurationInput): Effect.Effect<void, InstanceGone> =>
  Duration.toMillis(delay) === 0
    ? Effect.zipRight(Effect.yieldNow(), occupation.present)
    : Effect.raceFirst(Effect.sleep(delay), occupation.gone)

interface Fault {
  readonly kind: "error" | "cut" | "stall" | "crash"
  readonly after: number
}

const faultOf = (turn: Turn, pieces: number): Fault | undefined => {
  const faults: ReadonlyArray<Fault> = [
    ...(turn.error === undefined ? [] : [{ kind: "error" as const, after: turn.error.afterPieces }]),
    ...(turn.cutAfterPieces === undefined ? [] : [{ kind: "cut" as const, after: turn.cutAfterPieces }]),
    ...(turn.stallAfterPieces === undefined ? [] : [{ kind: "stall" as const, after: turn.stallAfterPieces }]),
    ...(turn.crashAfterPieces === undefined ? [] : [{ kind: "crash" as const, after: turn.crashAfterPieces }])
  ]
  const [first] = faults.toSorted((left, right) => left.after - right.after)
  return first === undefined ? undefined : { ...first, after: Math.min(first.after, pieces) }
}

const fail = (
  state: LmStudioState,
  id: string,
  occupation: Occupation,
  fault: Fault,
  turn: Turn
): Effect.Effect<never, EngineFault | Cut> => {
  switch (fault.kind) {
    case "cut":
      return new Cut()
    case "stall":
      return Effect.mapError(occupation.gone, gone)
    case "crash":
      return Effect.ignore(state.crash(id)).pipe(Effect.zipRight(Effect.mapError(occupation.gone, gone)))
    case "error":
      return turn.error === undefined ? Effect.die("an error fault comes of turn.error") : scripted(turn.error)
  }
}

interface Limits {
  readonly words: number
  readonly room: number
  readonly maxTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
}

const planPieces = (turn: Turn, calls: ReadonlyArray<ToolCall>, limits: Limits) => {
  const limit =
    limits.maxTokens !== undefined && limits.maxTokens >= 0 ? Math.min(limits.maxTokens, limits.room) : limits.room
  const stopAt = (limits.stop ?? []).map((stop) => turn.text.indexOf(stop)).filter((index) => index >= 0)
  const wanted = stopAt.length === 0 ? turn.text : turn.text.slice(0, Math.min(...stopAt))
  const reasoning = turn.reasoning.slice(0, limit * 4)
  const left = limit - tokensIn(reasoning)
  const text = wanted.slice(0, Math.max(0, left) * 4)
  const cutShort = reasoning.length < turn.reasoning.length || text.length < wanted.length
  const made = cutShort ? [] : calls
  const pieces: ReadonlyArray<Piece> = [
    ...inWords(reasoning, limits.words).map((part) => ({ _tag: "Reasoning" as const, text: part })),
    ...inWords(text, limits.words).map((part) => ({ _tag: "Text" as const, text: part })),
    ...made.flatMap((call, index): ReadonlyArray<Piece> => [
      { _tag: "ToolCall", index, call },
      ...inSlices(call.arguments, 24).map((part) => ({ _tag: "ToolArguments" as const, index, text: part }))
    ])
  ]
  const finishReason =
    turn.finishReason === undefined
      ? cutShort
        ? "length"
        : made.length > 0
          ? "tool_calls"
          : "stop"
      : turn.finishReason
  const stopReason = cutShort
    ? limit < limits.room
      ? "maxPredictedTokensReached"
      : "contextLengthReached"
    : made.length > 0
      ? "toolCalls"
      : stopAt.length > 0
        ? "stopStringFound"
        : "eosFound"
  return { pieces, completed: { text, reasoning, toolCalls: made, finishReason, stopReason } }
}

const inWords = (text: string, words: number): ReadonlyArray<string> => {
  const parts = text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text === "" ? [] : [text])
  return Array.from({ length: Math.ceil(parts.length / words) }, (_, index) =>
    parts.slice(index * words, (index + 1) * words).join("")
  )
}

const inSlices = (text: string, length: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, index) =>
    text.slice(index * length, (index + 1) * length)
  )

const usageOf = (turn: Turn, prompt: number, text: string, reasoning: string, calls: ReadonlyArray<ToolCall>) => {
  if (turn.usage === null) return null
  if (turn.usage !== undefined) {
    return {
      prompt: turn.usage.prompt_tokens,
      completion: turn.usage.completion_tokens,
      reasoning: turn.usage.reasoning_tokens ?? 0
    }
  }
  const reasoningTokens = tokensIn(reasoning)
  const callTokens = calls.reduce((total, call) => total + tokensIn(call.name + call.arguments), 0)
  return { prompt, completion: tokensIn(text) + reasoningTokens + callTokens, reasoning: reasoningTokens }
}
