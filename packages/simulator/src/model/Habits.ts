/**
 * Models that make their calls in ways of their own, and engines that leave out what they were given, as real ones do:
 * without a word.
 */
import { present } from "@lms-bridge/core/Json"
import * as Json from "../internal/json.ts"
import type { Turn } from "./Script.ts"
import type { Prompt } from "./SimulatedModel.ts"

/**
 * `calls-in-text`: it writes calls into a fence, whatever the engine can parse. `drops-tools`: its chat template has no
 * place for tools. `repeats-calls`: after the result of a call by the engine, it makes that call again. `always-calls`: it
 * answers every request of a person with a call.
 */
export type Habit = "calls-in-text" | "drops-tools" | "repeats-calls" | "always-calls"

interface Kept {
  readonly vision: boolean
  readonly habit?: Habit
  readonly ignoresSchema?: boolean
  readonly sees?: boolean
  readonly remembers?: number
  readonly thinks?: "always" | "as-told"
  readonly reasoning?: { readonly defaultOption: string }
}

/** What reaches the model of a request. */
export const heard = (
  { habit, ignoresSchema, remembers, sees, vision }: Kept,
  { answerSchema, messages, tools, ...prompt }: Prompt
): Prompt => ({
  ...prompt,
  messages: messages.map(({ words, ...message }) => ({
    ...message,
    text: remembers === undefined ? message.text : faded(message.text, remembers * 4),
    ...present({ words: (sees ?? vision) ? words : undefined })
  })),
  tools: habit === "drops-tools" ? [] : tools,
  ...present({ answerSchema: ignoresSchema === true ? undefined : answerSchema })
})

/** What the model writes in place of this turn. */
export const written = (kept: Kept, prompt: Prompt, turn: Turn): Turn => {
  const option = prompt.reasoning ?? kept.reasoning?.defaultOption
  const thinks = kept.thinks === "always" || (kept.thinks === "as-told" && option !== "off")
  const said = inItsWay(kept, prompt, turn)
  return thinks && said.reasoning === "" ? { ...said, reasoning: "Let me see what is asked of me." } : said
}

const inItsWay = ({ habit }: Kept, prompt: Prompt, turn: Turn): Turn => {
  if (habit === "repeats-calls" && prompt.messages.at(-1)?.role === "tool" && prompt.toolChoice !== "none") {
    const last = prompt.messages.findLast(({ toolCalls }) => toolCalls.length > 0)
    return last === undefined
      ? turn
      : { ...turn, text: "", toolCalls: last.toolCalls.map(({ id: _id, ...call }) => call) }
  }
  const [first] = prompt.tools
  const asked = prompt.toolChoice !== "none" && prompt.messages.at(-1)?.role === "user"
  if (habit === "always-calls" && asked && first !== undefined && turn.toolCalls.length === 0) {
    return { ...turn, text: "", toolCalls: [{ name: first.name, arguments: {} }] }
  }
  if (habit !== "calls-in-text" || turn.toolCalls.length === 0) return turn
  const fences = turn.toolCalls.map(({ arguments: args, name }) => {
    const text = typeof args === "string" ? args : Json.stringify(args)
    return `\`\`\`json\n{"name": ${Json.stringify(name)}, "arguments": ${text}}\n\`\`\``
  })
  return { ...turn, text: fences.join("\n"), toolCalls: [] }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** As long as before, so that it is counted as before. */
const faded = (text: string, clear: number): string =>
  text.length <= clear ? text : text.slice(0, -clear).replaceAll(/\S/g, " ") + text.slice(-clear)
