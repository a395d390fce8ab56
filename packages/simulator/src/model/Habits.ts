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
 * place for tools. `repeats-calls`: after the result of a call by the engine, it makes that call again.
 */
export type Habit = "calls-in-text" | "drops-tools" | "repeats-calls"

interface Kept {
  readonly habit?: Habit
  readonly ignoresSchema?: boolean
}

/** What reaches the model of a request. */
export const heard = ({ habit, ignoresSchema }: Kept, { answerSchema, tools, ...prompt }: Prompt): Prompt => ({
  ...prompt,
  tools: habit === "drops-tools" ? [] : tools,
  ...present({ answerSchema: ignoresSchema === true ? undefined : answerSchema })
})

/** What the model writes in place of this turn. */
export const written = ({ habit }: Kept, prompt: Prompt, turn: Turn): Turn => {
  if (habit === "repeats-calls" && prompt.messages.at(-1)?.role === "tool" && prompt.toolChoice !== "none") {
    const last = prompt.messages.findLast(({ toolCalls }) => toolCalls.length > 0)
    return last === undefined
      ? turn
      : { ...turn, text: "", toolCalls: last.toolCalls.map(({ id: _id, ...call }) => call) }
  }
  if (habit !== "calls-in-text" || turn.toolCalls.length === 0) return turn
  const fences = turn.toolCalls.map(({ arguments: args, name }) => {
    const text = typeof args === "string" ? args : Json.stringify(args)
    return `\`\`\`json\n{"name": ${Json.stringify(name)}, "arguments": ${text}}\n\`\`\``
  })
  return { ...turn, text: fences.join("\n"), toolCalls: [] }
}
