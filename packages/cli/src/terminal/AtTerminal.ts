/**
 * Elicitation at the terminal: says which server asks and for what, then asks field by field.
 */
import {
  type ElicitationResult,
  CurrentElicitation,
  type ElicitationHandler,
  type ElicitationRequest
} from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as FormField from "./FormField.ts"
import { Screen } from "./Screen.ts"
import * as Words from "../views/Words.ts"

/** While `self` runs, the person at the terminal answers the questions of servers, if there is a terminal. */
export const attended = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Screen, (screen) =>
    Effect.provideService(
      self,
      CurrentElicitation,
      Option.map(screen.prompt, (prompt): ElicitationHandler => ({
        who: "the person at the terminal",
        opensPages: true,
        ask: (question) => asked(screen, prompt, question)
      }))
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Prompt = Option.Option.Value<(typeof Screen.Service)["prompt"]>

const asked = (
  screen: typeof Screen.Service,
  prompt: Prompt,
  question: ElicitationRequest
): Effect.Effect<ElicitationResult> =>
  Effect.gen(function* () {
    yield* screen.err(`MCP server ${Words.oneLine(question.server)} asks: ${Words.oneLine(question.message, 1000)}`)
    if (question._tag === "Page") {
      // the whole address, because the person has to judge it
      yield* screen.err(`It wants you to open ${Words.oneLine(question.url)}`)
      return yield* agreed(prompt, "Will you? [y/N]", Effect.succeed<ElicitationResult>({ action: "accept" }))
    }
    const { properties, required } = question.schema
    const fields = Object.entries(properties).map(([name, schema]) =>
      FormField.make(name, schema, required.includes(name))
    )
    const names = fields.map(({ name, required }) => (required ? name : `${name}?`)).join(", ")
    return yield* agreed(prompt, `It wants to know: ${names}. Answer it? [y/N]`, filled(screen, prompt, fields))
  })

const agreed = (
  prompt: Prompt,
  question: string,
  then: Effect.Effect<ElicitationResult>
): Effect.Effect<ElicitationResult> =>
  Effect.flatMap(
    prompt(question),
    Option.match({
      onNone: () => Effect.succeed<ElicitationResult>({ action: "cancel" }),
      onSome: (line) => (/^\s*y(es)?\s*$/i.test(line) ? then : Effect.succeed<ElicitationResult>({ action: "decline" }))
    })
  )

/** The end of the input at any field cancels the form. */
const filled = Effect.fnUntraced(function* (
  screen: typeof Screen.Service,
  prompt: Prompt,
  fields: ReadonlyArray<FormField.FormField>
) {
  const content = new Map<string, FormField.Value>()
  for (const field of fields) {
    for (;;) {
      const line = yield* prompt(field.question)
      if (Option.isNone(line)) return { action: "cancel" } satisfies ElicitationResult as ElicitationResult
      const read = field.read(line.value.trim())
      if (read._tag === "Unfit") {
        yield* screen.err(read.why)
        continue
      }
      if (read.value !== undefined) content.set(field.name, read.value)
      break
    }
  }
  return { action: "accept", content: Object.fromEntries(content) } satisfies ElicitationResult as ElicitationResult
})
