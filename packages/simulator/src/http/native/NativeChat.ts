/** `POST /api/v1/chat` (contract A1, A2): stateful, strict, with load and prompt progress in its stream. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { present } from "@lms-bridge/core/Json"
import type { Completed, EngineFault, Generation, Piece } from "../../model/Generation.ts"
import { tokensPerSecond } from "../../model/Generation.ts"
import { hex } from "../../internal/ids.ts"
import * as Json from "../../internal/json.ts"
import type { BegunLoad, Instance } from "../../state/LmStudioState.ts"
import { progressOf } from "../../state/Machine.ts"
import type { PromptMessage } from "../../model/SimulatedModel.ts"
import type { World } from "../../World.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { Handler } from "../Exchange.ts"
import { bodyOf, generate } from "../Exchange.ts"
import * as ModelResolution from "../ModelResolution.ts"
import type { NativeChatRequest } from "./NativeChatRequest.ts"
import * as Requests from "./NativeChatRequest.ts"
import { loadFault } from "./NativeModels.ts"
import type { Cut, ApiFault } from "../Reply.ts"
import { cut, events, json } from "../Reply.ts"
import type { Frame } from "../ServerSentEvents.ts"
import * as Sse from "../ServerSentEvents.ts"

export const nativeChat: Handler = Effect.fnUntraced(function* (exchange) {
  const { world } = exchange
  const body = yield* bodyOf(exchange)
  const request = yield* Requests.decode(world, body)
  const settings = yield* world.state.settings
  const failed = (key: string, text: string) => loadFault({ key, text }, settings)
  const resolved = yield* ModelResolution.resolveStrict(
    world.state,
    { name: request.model, type: "llm", contextLength: request.contextLength },
    failed
  )
  const responseId = request.store ? `resp_${yield* hex(48)}` : undefined
  if (request.stream) {
    const begun = resolved._tag === "Loading" ? resolved.begun : undefined
    const id = begun?.loading.id ?? (resolved._tag === "Loaded" ? resolved.instance.id : "")
    const loaded = ModelResolution.settle(resolved, failed)
    return events(Sse.encode(undefined)(frames(world, request, { id, begun, loaded, responseId })))
  }
  const before = yield* Clock.currentTimeMillis
  const instance = yield* ModelResolution.settle(resolved, failed)
  const loadSeconds = resolved._tag === "Loading" ? ((yield* Clock.currentTimeMillis) - before) / 1000 : undefined
  const outcome = yield* begin(world, request, instance).pipe(
    Effect.flatMap((generation) => Stream.runCollect(generation.pieces)),
    Effect.map((pieces) => Array.from(pieces)),
    Effect.catchTags({
      SimulatedEngineFault: (fault) => engineFault(fault),
      SimulatedCut: () => Effect.succeed(undefined)
    })
  )
  if (outcome === undefined) return cut
  const output = outcome.reduce<ReadonlyArray<OutputItem>>(withPiece, [])
  yield* remember(world, request, responseId, output)
  return json(200, result(instance.id, output, completedOf(outcome), responseId, loadSeconds))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Progress {
  readonly id: string
  readonly begun: BegunLoad | undefined
  readonly loaded: Effect.Effect<Instance, ApiFault>
  readonly responseId: string | undefined
}

type OutputItem =
  | { readonly type: "message" | "reasoning"; readonly content: string }
  | {
      readonly type: "tool_call"
      readonly tool: string
      readonly arguments: unknown
      readonly output: string
      readonly provider_info: typeof provider
    }

const provider = { type: "plugin", plugin_id: "mcp/simulated" } as const

const begin = (world: World, request: NativeChatRequest, instance: Instance) =>
  Effect.map(
    generate(world, {
      instance,
      prompt: {
        model: instance.key,
        messages: request.messages,
        tools: [],
        toolChoice: "none",
        reasoning: request.reasoning
      },
      maxTokens: request.maxOutputTokens
    }),
    ({ generation }) => generation
  )

const engineFault = (fault: EngineFault): ApiFault =>
  fault.kind === "scripted"
    ? ErrorBody.native(fault.status ?? 500, fault.type ?? "internal_error", fault.text, {
        code: fault.code ?? "unknown"
      })
    : ErrorBody.native(500, "internal_error", fault.text, { code: "unknown", param: null })

const withPiece = (output: ReadonlyArray<OutputItem>, piece: Piece): ReadonlyArray<OutputItem> => {
  switch (piece._tag) {
    case "Reasoning":
      return appended(output, "reasoning", piece.text)
    case "Text":
      return appended(output, "message", piece.text)
    case "ToolCall":
      return [
        ...output,
        {
          type: "tool_call",
          tool: piece.call.name,
          arguments: argumentsOf(piece.call.arguments),
          output: "",
          provider_info: provider
        }
      ]
    case "PromptProgress":
    case "ToolArguments":
    case "Done":
      return output
  }
}

const appended = (output: ReadonlyArray<OutputItem>, type: "message" | "reasoning", text: string) => {
  const last = output.at(-1)
  return last?.type === type && "content" in last
    ? [...output.slice(0, -1), { type, content: last.content + text }]
    : [...output, { type, content: text }]
}

const argumentsOf = (text: string): unknown => {
  const parsed = Json.parse(text)
  return parsed._tag === "Some" ? parsed.value : {}
}

const completedOf = (pieces: ReadonlyArray<Piece>): Completed | undefined => {
  const last = pieces.at(-1)
  return last?._tag === "Done" ? last.completed : undefined
}

const result = (
  instanceId: string,
  output: ReadonlyArray<OutputItem>,
  completed: Completed | undefined,
  responseId: string | undefined,
  loadSeconds: number | undefined
) => ({
  model_instance_id: instanceId,
  output,
  stats: {
    input_tokens: completed?.promptTokens ?? 0,
    total_output_tokens: completed?.usage?.completion ?? 0,
    reasoning_output_tokens: completed?.usage?.reasoning ?? 0,
    tokens_per_second: completed === undefined ? 0 : tokensPerSecond(completed),
    time_to_first_token_seconds: completed?.secondsToFirstToken ?? 0,
    ...present({ model_load_time_seconds: loadSeconds })
  },
  ...present({ response_id: responseId })
})

const remember = (
  world: World,
  request: NativeChatRequest,
  responseId: string | undefined,
  output: ReadonlyArray<OutputItem>
) => {
  const text = output.flatMap((item) => (item.type === "message" ? [item.content] : [])).join("")
  const answer: PromptMessage = { role: "assistant", text, images: 0, toolCalls: [] }
  return responseId === undefined ? Effect.void : world.history.store(responseId, [...request.messages, answer])
}

const event = (type: string, facts: object = {}): Frame => Sse.frame({ type, ...facts }, type)

const frames = (world: World, request: NativeChatRequest, progress: Progress): Stream.Stream<Frame, Cut> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      const { promptEndTwice } = yield* world.state.settings
      const facts = { model_instance_id: progress.id }
      const opening = Stream.make(event("chat.start", facts))
      const loading = progress.begun === undefined ? Stream.empty : loadFrames(progress.id, progress.begun)
      const answering = Stream.unwrap(
        Effect.gen(function* () {
          const instance = yield* progress.loaded
          const loadSeconds =
            progress.begun === undefined ? undefined : ((yield* Clock.currentTimeMillis) - started) / 1000
          const generation = yield* Effect.mapError(begin(world, request, instance), engineFault)
          const loaded =
            loadSeconds === undefined
              ? Stream.empty
              : Stream.make(event("model_load.end", { ...facts, load_time_seconds: loadSeconds }))
          return Stream.concat(
            loaded,
            answerFrames(generation, promptEndTwice, (output, completed) =>
              Effect.as(
                remember(world, request, progress.responseId, output),
                event("chat.end", { result: result(instance.id, output, completed, progress.responseId, loadSeconds) })
              )
            )
          )
        })
      ).pipe(
        // Refused before the first piece: the error is sent in-band, and the stream still ends with chat.end.
        Stream.catchTag("SimulatedApiFault", (fault) =>
          Stream.make(
            event("error", Json.objectOf(fault.body)),
            event("chat.end", { result: result(progress.id, [], undefined, undefined, undefined) })
          )
        )
      )
      return opening.pipe(Stream.concat(loading), Stream.concat(answering))
    })
  )

/** Number of steps in a load's progress. */
const loadSteps = 20

const loadFrames = (id: string, { loading, result: loaded }: BegunLoad): Stream.Stream<Frame> => {
  const facts = { model_instance_id: id }
  const step = Duration.millis(Math.max(1, loading.durationMs / loadSteps))
  const ticks = Stream.repeatEffect(
    Effect.map(Effect.zipRight(Effect.sleep(step), Clock.currentTimeMillis), (now) =>
      event("model_load.progress", { ...facts, progress: progressOf(loading, now) })
    )
  ).pipe(Stream.interruptWhen(Effect.ignore(loaded)))
  return Stream.make(event("model_load.start", facts), event("model_load.progress", { ...facts, progress: 0 })).pipe(
    Stream.concat(ticks)
  )
}

interface Position {
  readonly section: "message" | "reasoning" | undefined
  readonly output: ReadonlyArray<OutputItem>
}

type Ending = (output: ReadonlyArray<OutputItem>, completed: Completed | undefined) => Effect.Effect<Frame>

const answerFrames = (
  { pieces, turn }: Generation,
  promptEndTwice: boolean,
  ending: Ending
): Stream.Stream<Frame, Cut> => {
  const close = (section: Position["section"]) => (section === undefined ? [] : [event(`${section}.end`)])
  const enter = (from: Position["section"], to: "message" | "reasoning") =>
    from === to ? [] : [...close(from), event(`${to}.start`)]
  const step = (
    position: Position,
    piece: Piece | Failed
  ): Effect.Effect<readonly [Position, ReadonlyArray<Frame>]> => {
    const next = piece._tag === "Failed" ? position.output : withPiece(position.output, piece)
    switch (piece._tag) {
      case "PromptProgress":
        return Effect.succeed([
          position,
          piece.progress === 0
            ? [event("prompt_processing.start"), event("prompt_processing.progress", { progress: 0 })]
            : [
                event("prompt_processing.progress", { progress: 1 }),
                event("prompt_processing.end"),
                ...(promptEndTwice ? [event("prompt_processing.end")] : [])
              ]
        ])
      case "Reasoning":
      case "Text": {
        const section = piece._tag === "Text" ? "message" : "reasoning"
        return Effect.succeed([
          { section, output: next },
          [...enter(position.section, section), event(`${section}.delta`, { content: piece.text })]
        ])
      }
      case "ToolCall": {
        const facts = { tool: piece.call.name, provider_info: provider }
        const args = argumentsOf(piece.call.arguments)
        return Effect.succeed([
          { section: undefined, output: next },
          [
            ...close(position.section),
            event("tool_call.start", facts),
            event("tool_call.arguments", { ...facts, arguments: args }),
            event("tool_call.success", { ...facts, arguments: args, output: "" })
          ]
        ])
      }
      case "ToolArguments":
        return Effect.succeed([position, []])
      case "Failed":
        return Effect.map(ending(next, undefined), (last) => [
          { section: undefined, output: next },
          [...close(position.section), event("error", Json.objectOf(engineFault(piece.fault).body)), last]
        ])
      case "Done":
        return turn.withoutDone
          ? Effect.succeed([position, close(position.section)])
          : Effect.map(ending(next, piece.completed), (last) => [
              { section: undefined, output: next },
              [...close(position.section), last]
            ])
    }
  }
  const failed = (fault: EngineFault): Failed => ({ _tag: "Failed", fault })
  return pieces.pipe(
    Stream.catchTag("SimulatedEngineFault", (fault) => Stream.succeed(failed(fault))),
    Stream.mapAccumEffect<Position, Piece | Failed, ReadonlyArray<Frame>, never, never>(
      { section: undefined, output: [] },
      step
    ),
    Stream.flattenIterables
  )
}

interface Failed {
  readonly _tag: "Failed"
  readonly fault: EngineFault
}
