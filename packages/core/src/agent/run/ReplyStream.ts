/** The reply of the model as it comes in: what it says is shown, and it is ended where nothing of use can follow. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as FirstCall from "../forms/FirstCall.ts"
import type * as ShownText from "../forms/ShownText.ts"
import { isCallWritten } from "../forms/TextCalls.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "../../lmstudio/Chat.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import * as EndlessReply from "../rules/EndlessReply.ts"
import { present } from "../../schema/Fields.ts"
import { CurrentRun } from "./CurrentRun.ts"
import * as ModelFailure from "./ModelFailure.ts"
import type { Prepared } from "./Preparation.ts"
import type { RunLog } from "./RunLog.ts"

/** Sends a request. `mayCallInText`: the reply ends at the first calls that are written into its text. */
export const receive = Effect.fnUntraced(function* (
  prepared: Prepared,
  request: Omit<ChatRequest, "model">,
  { mayCallInText, shown }: { readonly mayCallInText: boolean; readonly shown: ShownText.ShownText }
): Effect.fn.Return<Either.Either<ChatReply, ModelFailure.ModelFailure>, never, CurrentRun> {
  const { log } = yield* CurrentRun
  const { state, tell } = log
  const patient = EndlessReply.asksForRepetition(state.task.task)
  const inText = EndlessReply.make({ patient })
  const inReasoning = EndlessReply.make()
  const inCalls = EndlessReply.make({ patient, inCall: true })
  const repeating = Effect.failSync(() => new Repeating())
  const callWritten = Effect.failSync(() => new CallWritten())
  const { catalog } = prepared.tools
  const firstCall = FirstCall.make((text) => isCallWritten(text, { catalog, messages: state.messages }))
  const arrived = { content: "", reasoning: "", isCall: false }
  const onEvent = (event: ChatEvent): Effect.Effect<void, Ended> => {
    switch (event._tag) {
      case "TextDelta": {
        const text = shown.push(event.text)
        arrived.content += event.text
        const written = mayCallInText && !arrived.isCall && firstCall.push(event.text)
        const after: Effect.Effect<void, Ended> = written
          ? callWritten
          : inText.push(event.text)
            ? repeating
            : Effect.void
        return Effect.zipRight(text === "" ? Effect.void : tell({ _tag: "TextDelta", text }), after)
      }
      case "ReasoningDelta":
        arrived.reasoning += event.text
        return Effect.zipRight(
          tell({ _tag: "ReasoningDelta", text: event.text }),
          inReasoning.push(event.text) ? repeating : Effect.void
        )
      case "ModelLoading":
        return tell({ _tag: "Preparing", what: "The model is loading", ...present({ progress: event.progress }) })
      case "PromptProcessing":
        return tell({ _tag: "Preparing", what: "The model is reading", progress: event.progress })
      case "ToolCallDelta":
        return inCalls.push(event.text) ? repeating : Effect.void
      case "ToolCallStarted":
        arrived.isCall = true
        return Effect.void
      case "Completed":
        return Effect.void
    }
  }
  const lease = yield* prepared.lease
  const startedAt = yield* Clock.currentTimeMillis
  return yield* lease.chatWith(request, onEvent).pipe(
    Effect.catchIf(isChoiceRefused, () =>
      lease.chatWith({ ...request, tools: undefined, toolChoice: undefined }, onEvent)
    ),
    // the stream is closed, which tells the engine to stop
    Effect.catchTag("CallWritten", () =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        cutReply(log, {
          content: arrived.content,
          reasoning: arrived.reasoning,
          finishReason: "stop",
          // the server counts only whole replies
          usage: {
            inputTokens: log.state.estimate > 0 ? log.state.estimate : inputTokens(request),
            outputTokens: TokenCount.ofText(arrived.content + arrived.reasoning)
          },
          totalMillis: now - startedAt
        })
      )
    ),
    Effect.mapError((error) =>
      error._tag === "Repeating"
        ? ModelFailure.repeating
        : ModelFailure.fromError(
            error,
            (request.tools ?? []).map(({ name }) => name)
          )
    ),
    Effect.either
  )
})

/** The part that had arrived of a reply that was stopped. */
export const cutReply = (
  { state }: RunLog,
  part: Pick<ChatReply, "content" | "finishReason"> & Partial<ChatReply>
): ChatReply => ({
  model: state.ensured?.model ?? "",
  reasoning: "",
  toolCalls: [],
  firstTokenMillis: 0,
  totalMillis: 0,
  ...part
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A server that does not know `tool_choice` gets no tools where none may be called. */
const isChoiceRefused = (error: ModelLifecycleError | Ended): boolean =>
  error._tag === "RequestRejected" && /tool_choice/i.test(`${error.param} ${error.serverMessage}`)

const inputTokens = ({ messages, tools = [] }: Omit<ChatRequest, "model">): number =>
  messages.reduce((sum, message) => sum + TokenCount.ofMessage(message), 0) +
  tools.reduce((sum, tool) => sum + TokenCount.ofJson(tool), 0)

class CallWritten extends Data.TaggedError("CallWritten") {}

/** Why we end a reply before the model does. */
type Ended = CallWritten | Repeating

class Repeating extends Data.TaggedError("Repeating") {}
