/** The replacement for a language model: answers a prompt in a neutral format with a `Turn`. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Json from "../internal/json.ts"
import type { Turn, TurnInput } from "./Script.ts"
import * as Script from "./Script.ts"

/** One message of the conversation, independent of the API. */
export interface PromptMessage {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly text: string
  readonly images: number
  /** The titles of those that have one: what a model that sees can read in them. */
  readonly words?: ReadonlyArray<string> | undefined
  readonly toolCalls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly arguments: string }>
  /** For a tool result: the call that it answers. */
  readonly toolCallId?: string | undefined
}

export interface PromptTool {
  readonly name: string
  readonly description: string
  readonly parameters: Json.JsonObject
}

export interface Prompt {
  /** Model key of the instance that answers. */
  readonly model: string
  readonly messages: ReadonlyArray<PromptMessage>
  readonly tools: ReadonlyArray<PromptTool>
  readonly toolChoice: "none" | "auto" | "required"
  /** The JSON Schema for the answer, if one was given on a route that supports it. */
  readonly answerSchema?: Json.JsonObject | undefined
  /** What the request says of thinking, one of the model's options. */
  readonly reasoning?: string | undefined
}

/** The stand-in cannot answer: a fault of the test's script, never of LM Studio, and reported as such. */
export class ScriptFault extends Schema.TaggedError<ScriptFault>()("SimulatedScriptFault", { text: Schema.String }) {
  readonly retryable = false
  override get message() {
    return this.text
  }
}

export interface SimulatedModel {
  /** The name of the model, for people. */
  readonly name: string
  readonly answer: (prompt: Prompt) => Effect.Effect<Turn, ScriptFault>
}

/** Answers with the turns in order, one per request; a request too many fails clearly. */
export const scripted = (
  turns: ReadonlyArray<TurnInput>,
  name = "a scripted stand-in"
): Effect.Effect<SimulatedModel> => fromTurns(turns.map(Script.turn), name)

/** Like `scripted`, for turns that are already decoded (from a script file). */
export const fromTurns = Effect.fnUntraced(function* (turns: ReadonlyArray<Turn>, name: string) {
  const position = yield* Ref.make(0)
  const answer = Effect.fnUntraced(function* (prompt: Prompt) {
    const index = yield* Ref.getAndUpdate(position, (current) => current + 1)
    const next = turns[index]
    if (next === undefined) {
      return yield* new ScriptFault({
        text: `The script has ${turns.length} turns and this is request ${index + 1}. Add a turn, or find out why the model was asked again.`
      })
    }
    const surprise = unexpected(next, prompt)
    if (surprise !== undefined) return yield* new ScriptFault({ text: `Turn ${index + 1} ${surprise}` })
    return next
  })
  return { name, answer }
})

/** The same, but the request with which lms-bridge has a model loaded takes no turn: whoever writes a script means a run. */
export const afterLoads = (model: SimulatedModel): SimulatedModel => ({
  ...model,
  answer: (prompt) => (isLoad(prompt) ? Effect.succeed(Script.text(".")) : model.answer(prompt))
})

/** Answers with a function of the prompt. */
export const fromFunction = (answer: (prompt: Prompt) => TurnInput, name = "a stand-in by rule"): SimulatedModel => ({
  name,
  answer: (prompt) => Effect.sync(() => Script.turn(answer(prompt)))
})

/** Without LM Studio's tokenizer, four characters count as a token. */
export const tokensIn = (text: string): number => Math.ceil(text.length / 4)

/** Number of tokens of a prompt: its messages, their calls, and the tools' schemas. */
export const promptTokens = (prompt: Prompt): number =>
  prompt.messages.reduce(
    (total, message) =>
      total +
      4 +
      tokensIn(message.text) +
      message.images * 576 +
      message.toolCalls.reduce((sum, call) => sum + tokensIn(call.name + call.arguments), 0),
    prompt.tools.length === 0 ? 0 : tokensIn(Json.stringify(prompt.tools))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isLoad = ({ messages, tools }: Prompt): boolean =>
  messages.length === 1 && messages[0]?.role === "user" && messages[0].text === "." && tools.length === 0

const unexpected = (turn: Turn, prompt: Prompt): string | undefined => {
  const last = prompt.messages.at(-1)
  const { lastMessageContains, lastRole, tools } = turn.expect ?? {}
  if (lastMessageContains !== undefined && !(last?.text ?? "").includes(lastMessageContains)) {
    return `expects a last message with "${lastMessageContains}", but it was "${(last?.text ?? "").slice(0, 200)}".`
  }
  if (lastRole !== undefined && last?.role !== lastRole) {
    return `expects the last message to be of ${lastRole}, but it was of ${last?.role ?? "nobody"}.`
  }
  const missing = tools?.find((name) => !prompt.tools.some((tool) => tool.name === name))
  return missing === undefined
    ? undefined
    : `expects the tool ${missing}, but offered were: ${prompt.tools.map((tool) => tool.name).join(", ") || "none"}.`
}
