/**
 * `mcp prompts`: lists the prompts of MCP servers, or prints one with its arguments filled in.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { McpPrompt, McpRegistry, nearest, PromptResult } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AllServers from "../../options/AllServers.ts"
import { UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"
import * as McpCall from "./McpCall.ts"

export const command = Command.make("prompts", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("A server in your mcp.json; all of them by default."),
    Args.optional
  ),
  prompt: Args.text({ name: "PROMPT" }).pipe(
    Args.withDescription("The prompt to print; without it, the prompts are listed."),
    Args.optional
  ),
  args: Args.text({ name: "JSON" }).pipe(
    Args.withDescription(
      'The arguments as a JSON object of strings, for example \'{"language":"en"}\'; none by default.'
    ),
    Args.optional
  ),
  json: SharedOptions.json("Print the list or the prompt as JSON.")
}).pipe(
  Command.withDescription("List the prompts of one MCP server or of all, or print one prompt."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ args, json, name, prompt }) {
      const screen = yield* Screen
      if (Option.isSome(name) && Option.isSome(prompt)) {
        const got = yield* get(name.value, prompt.value, yield* decodeArguments(Option.getOrElse(args, () => "{}")))
        return yield* screen.out(json ? encodePrompt(got) : renderPrompt(got))
      }
      const prompts = yield* Option.match(name, {
        onNone: () => Effect.map(AllServers.listed(promptsOf), (found) => found.flat()),
        onSome: promptsOf
      })
      yield* screen.out(json ? encodeList(prompts) : render(prompts, Option.isNone(name), screen.columns))
    })
  )
)

export const render = (prompts: ReadonlyArray<McpPrompt>, withServer: boolean, columns?: number): string =>
  prompts.length === 0
    ? "There are no prompts."
    : Table.render(
        [...(withServer ? ["SERVER"] : []), "PROMPT", "ARGUMENTS", "DESCRIPTION"],
        prompts.map((prompt) => [
          ...(withServer ? [prompt.server] : []),
          prompt.name,
          prompt.arguments.map(({ name, required }) => (required ? name : `${name}?`)).join(", "),
          Words.oneLine(prompt.description ?? prompt.title ?? "", 70)
        ]),
        columns
      )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const connection = (server: string) => Effect.flatMap(McpRegistry, (registry) => registry.connect(server))

const promptsOf = (server: string) =>
  connection(server).pipe(
    Effect.flatMap(({ prompts }) => prompts),
    Effect.scoped
  )

/** Checked first, because servers report unknown names and missing arguments in different ways. */
const get = Effect.fnUntraced(function* (server: string, wanted: string, args: Readonly<Record<string, string>>) {
  const { getPrompt, prompts } = yield* connection(server)
  const all = yield* prompts
  const found = all.find(({ name }) => name === wanted)
  if (found === undefined) {
    const names = nearest(
      wanted,
      all.map(({ name }) => name)
    )
    const hint =
      names.length > 0
        ? `Did you mean ${names.join(" or ")}?`
        : `\`lms-bridge mcp prompts ${server}\` lists its prompts.`
    return yield* new UsageError({ problem: `MCP server "${server}" has no prompt "${wanted}". ${hint}` })
  }
  const missing = found.arguments.filter(({ name, required }) => required && !Object.hasOwn(args, name))
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `"${name}"`).join(" and ")
    return yield* new UsageError({ problem: `Prompt "${wanted}" needs ${names} in its arguments.` })
  }
  return yield* getPrompt(wanted, args)
}, Effect.scoped)

/** A single message is printed alone, several with their roles. */
const renderPrompt = ({ messages }: PromptResult): string => {
  const texts = messages.map(({ content, role }) => ({
    role,
    text: McpCall.render({ content: [content], isError: false })
  }))
  return texts.length === 1
    ? texts.map(({ text }) => text).join("")
    : texts.map(({ role, text }) => `${role}:\n${text}`).join("\n\n")
}

const decodeArguments = (text: string) =>
  Schema.decode(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String })))(text).pipe(
    Effect.mapError(
      () =>
        new UsageError({
          problem: 'The arguments must be a JSON object of strings, for example \'{"language":"en"}\'.'
        })
    )
  )

const encodeList = Schema.encodeSync(Schema.parseJson(Schema.Array(McpPrompt)))

const encodePrompt = Schema.encodeSync(Schema.parseJson(PromptResult))
