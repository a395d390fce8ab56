/**
 * What the commands of a chat do: each gives the conversation as it is afterwards, and says what applies now.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../../ExitCode.ts"
import * as PresetOptions from "../../options/PresetOptions.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Words from "../../views/Words.ts"
import { checkNames } from "../runs/Run.ts"
import * as ChatLine from "./ChatLine.ts"
import * as Conversation from "./Conversation.ts"

export const carriedOut = Effect.fnUntraced(function* (
  before: Conversation.Conversation,
  command: Exclude<ChatLine.CommandName, "exit" | "resume">,
  argument: string
) {
  const { err } = yield* Screen
  const { task } = before
  const with_ = (change: Partial<Conversation.Conversation["task"]>): Conversation.Conversation => ({
    ...before,
    task: { ...task, ...change }
  })
  const list = Option.getOrElse(RunOptions.names([argument]), (): ReadonlyArray<string> => [])
  switch (command) {
    case "help":
      for (const line of ChatLine.help) yield* err(line)
      return before
    case "new":
      yield* err("A new conversation.")
      return Conversation.begin(task)
    case "context":
      yield* err(Conversation.context(before))
      return before
    case "model": {
      const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) =>
        lifecycle.resolve(argument === "" ? task.model : argument)
      )
      yield* err(argument === "" ? `${key} answers.` : `${key} answers from now on.`)
      return argument === "" ? before : with_({ model: key })
    }
    case "mcp": {
      if (list.length === 0) return yield* new UsageError({ problem: "Name a server: /mcp NAME." })
      const named = task.servers._tag === "Named" ? task.servers.names : []
      const next = with_({ servers: { _tag: "Named", names: [...new Set([...named, ...list])] } })
      yield* checkNames({ ...next.task, task: "-" })
      yield* err(`The model has the tools of ${[...named, ...list].join(", ")} from now on.`)
      return next
    }
    case "files": {
      if (argument === "") return yield* new UsageError({ problem: "Name a folder: /files DIR." })
      const whole = yield* PresetOptions.added(
        { ...task, task: "-" },
        { files: [argument], memory: false, fetch: false }
      )
      const { task: _text, ...next } = whole
      yield* err(`The model works on the files of ${argument} from now on; what changes a file asks you first.`)
      return { ...before, task: next }
    }
    case "tools": {
      if (argument === "") {
        yield* listTools(before)
        return before
      }
      const { allowedTools: _all, ...rest } = task
      if (argument === "all") {
        yield* err("All tools are offered from now on.")
        return { ...before, task: rest }
      }
      yield* checkNames({ ...task, task: "-", allowedTools: list })
      yield* err(`Only ${list.join(", ")} from now on; /tools all offers the others again.`)
      return with_({ allowedTools: list })
    }
    case "approve": {
      const approved = [...new Set([...(task.approvedTools ?? []), ...list])]
      yield* err(
        approved.length === 0
          ? "Calls that change something ask you. /approve LIST lets tools run without asking, `*` all of them."
          : `Without asking you: ${approved.join(", ")}. What your policy refuses stays refused.`
      )
      return approved.length === 0 ? before : with_({ approvedTools: approved })
    }
    case "save": {
      if (argument === "") return yield* new UsageError({ problem: "Name a file: /save FILE." })
      const fs = yield* FileSystem.FileSystem
      const file = (yield* Path.Path).resolve(argument)
      yield* Effect.mapError(
        fs.writeFileString(file, Conversation.markdown(before), { flag: "wx" }),
        (error) =>
          new UsageError({
            problem:
              error._tag === "SystemError" && error.reason === "AlreadyExists"
                ? `${argument} is there already. Name another file.`
                : `${argument} cannot be written (${error.message}).`
          })
      )
      yield* err(`The conversation is in ${file}.`)
      return before
    }
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The tools that the last reply had at hand, else those of the servers. */
const listTools = Effect.fnUntraced(function* ({ events, task }: Conversation.Conversation) {
  const { err } = yield* Screen
  const offered = events.findLast((event) => event._tag === "ToolsOffered")
  if (offered?._tag === "ToolsOffered") {
    const more = offered.withheld === 0 ? "" : `, and ${offered.withheld} more on request`
    return yield* err(`Offered: ${offered.offered.join(", ")}${more}.`)
  }
  const registry = yield* McpRegistry
  const servers = task.servers._tag === "Named" ? task.servers.names : []
  if (servers.length === 0) return yield* err("None yet. /mcp NAME or /files DIR adds some.")
  for (const server of servers) {
    const tools = yield* registry.tools(server)
    yield* err(`${server}: ${Words.oneLine(tools.map(({ name }) => name).join(", "))}`)
  }
})
