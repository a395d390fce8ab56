/**
 * `run`: gives a task to the model and shows what happens. Only the answer goes to stdout.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { AgentLoop, type AgentTask, type ServerChoice } from "@lms-bridge/core/AgentLoop"
import { Settings } from "@lms-bridge/core/Settings"
import { McpRegistry, McpServerNotFound, nearest } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { present } from "@lms-bridge/core/Json"
import { UsageError } from "../../ExitCode.ts"
import * as Given from "../../options/Given.ts"
import * as PresetOptions from "../../options/PresetOptions.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as ShownRun from "../../views/ShownRun.ts"

const config = {
  ...RunOptions.making,
  ...PresetOptions.options,
  ...Given.options,
  ...RunOptions.limits,
  ...RunOptions.showing,
  record: Options.text("record").pipe(
    Options.withDescription(
      "Record the run in this file, without anything that looks like a secret, for `lms-bridge replay`."
    ),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  standIn: SharedOptions.standIn
}

export const command = Command.make("run", config).pipe(
  Command.withDescription("Give a task to the local model, with the tools of your MCP servers."),
  Command.withHandler(
    Effect.fnUntraced(function* (options) {
      const given = yield* Given.read(options)
      const servers = yield* RunOptions.serversOf(options)
      const budgets = RunOptions.budgetsOf(options, RunOptions.budgetsOfSettings(yield* Settings))
      const task: AgentTask = {
        ...given,
        servers: Option.getOrElse(servers, (): ServerChoice => ({ _tag: "None" })),
        budgets,
        ...RunOptions.changesOf(options),
        ...(yield* RunOptions.foldersOf(options)),
        ...(yield* RunOptions.contextOf(options, Option.getOrUndefined(options.model))),
        ...(yield* Given.modelFor(given.attachments, Option.getOrUndefined(options.model)))
      }
      const whole = PresetOptions.isWanted(options) ? yield* PresetOptions.added(task, options) : task
      yield* checkNames(whole)
      yield* ShownRun.show((yield* AgentLoop).run(whole), options)
    })
  )
)

/** Reports an unknown name at once, before any request to LM Studio. */
export const checkNames = Effect.fnUntraced(function* ({
  allowedTools,
  definedServers = [],
  resources = false,
  servers,
  workingFolders = []
}: AgentTask) {
  if (servers._tag === "None" && definedServers.length === 0) {
    if (allowedTools !== undefined) return yield* new UsageError({ problem: `--tools ${needsServers}` })
    if (resources) return yield* new UsageError({ problem: `--resources ${needsServers}` })
    if (workingFolders.length > 0) return yield* new UsageError({ problem: `--folder ${needsServers}` })
  }
  if (servers._tag !== "Named") return
  const registry = yield* McpRegistry
  const available = (yield* registry.servers).map(({ name }) => name)
  const missing = servers.names.find((name) => !available.includes(name))
  if (missing === undefined) return
  const path = (yield* registry.candidates).find(({ used }) => used)?.path
  return yield* new McpServerNotFound({
    server: missing,
    available,
    nearest: nearest(missing, available),
    ...present({ path })
  })
})

const needsServers = "needs MCP servers: give --mcp NAME or --all-mcps, or --files DIR for the files of a folder."
