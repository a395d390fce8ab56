/** Tries whether a model thinks, and whether it does so, and does not, as a request says: by `reasoning` of LM Studio's own chat route (contract A1). */
import * as Effect from "effect/Effect"
import type { ChatReply } from "../../lmstudio/Chat.ts"
import { saidBy } from "../../models/catalog/ModelEvidence.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import * as Asker from "./Asker.ts"
import { type Found, result } from "./Judged.ts"

export interface ThinkingSwitch {
  /** What the server says that the model takes. */
  readonly options: ReadonlyArray<string>
  readonly ask: (option: string, question: string, maxTokens: number) => Effect.Effect<ChatReply, ModelLifecycleError>
}

/** The replies to which no schema was set are trials; more of them where they are fewer than three. */
export const thinks = Effect.fnUntraced(function* (asker: Asker.Asker): Effect.fn.Return<Found, ModelLifecycleError> {
  for (const question of questions.slice(asker.seen().thoughts.length)) {
    yield* asker.say("a question", { messages: [{ role: "user", content: question }] }, shortReply)
  }
  return { reasoning: yield* result(asker.seen().thoughts) }
})

/** A trial is a pair: off, and on. A server that refuses one refuses them all. */
export const run = Effect.fnUntraced(function* (
  asker: Asker.Asker,
  { ask, options }: ThinkingSwitch
): Effect.fn.Return<Found, ModelLifecycleError> {
  const on = options.includes("on") ? "on" : options.find((option) => option !== off)
  const right: Array<boolean> = []
  for (const question of questions) {
    const thinks = (option: string) =>
      Effect.map(asker.elsewhere(`thinking ${option}`, ask(option, question, shortReply)), Asker.hasThought)
    const pair = yield* Effect.all([thinks(off), thinks(on ?? "on")]).pipe(
      Effect.catchIf(Asker.isRefusal, (error) => Effect.succeed(`the server refuses: ${saidBy(error)}`)),
      Effect.catchIf(isBrokenStore, () => Effect.succeed(undefined))
    )
    if (pair === undefined) return {}
    if (typeof pair === "string") return { reasoningSwitch: yield* result([false], pair) }
    right.push(!pair[0] && pair[1])
  }
  return { reasoningSwitch: yield* result(right) }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const off = "off"

/** The other routes have no store, so this one alone fails (H18). */
const isBrokenStore = (error: ModelLifecycleError) => error._tag === "ServerFault" && error.reason === "StateStore"

/** Thoughts begin with the first word. */
const shortReply = 48

const questions = ["Which is larger, 17 or 71?", "Which is colder, ice or tea?", "Which is longer, a day or a week?"]
