/**
 * `submit`: hands tasks to the machines that carry runs out.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { AgentLoop, type AgentTask, type ServerChoice } from "@lms-bridge/core/AgentLoop"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import { RunAccount, RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings } from "@lms-bridge/core/Settings"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Ended, ExitCode, ofOutcome, UsageError } from "../../ExitCode.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedRuns from "../../SharedRuns.ts"
import * as ShownRun from "../../views/ShownRun.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("submit", {
  task: Args.text({ name: "TASK|-|FILE.jsonl" }).pipe(
    Args.withDescription(
      "A task, or tasks from stdin (`-`) or a file that ends in `.jsonl`: one for each line, its text or JSON with `task` and perhaps `model`, `mcp`, `priority`, `caller`."
    )
  ),
  priority: SharedOptions.checked({
    name: "priority",
    pseudoName: "N",
    description: "Higher ones are taken first. Default: 0.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(-1000, 1000))),
    allowed: "a whole number from -1000 to 1000"
  }),
  caller: Options.text("caller").pipe(
    Options.withDescription("For whom it is: callers take turns. Default: your user name."),
    Options.withPseudoName("NAME"),
    Options.optional
  ),
  host: Options.text("host").pipe(
    Options.withDescription("The only host that may take it. Default: any; the own one for a task with folders."),
    Options.withPseudoName("HOST"),
    Options.optional
  ),
  wait: Options.boolean("wait").pipe(
    Options.withDescription("Wait until it has ended, asking you where it asks; Ctrl-C cancels it.")
  ),
  ...RunOptions.making,
  ...RunOptions.limits,
  ...RunOptions.showing
}).pipe(
  Command.withDescription("Hand tasks to the machines that carry runs out, and print the ids of their runs."),
  Command.withHandler(
    Effect.fnUntraced(function* (options) {
      const screen = yield* Screen
      const { cluster } = yield* SharedRuns.required
      const lines = yield* linesOf(options.task)
      const servers = yield* RunOptions.serversOf(options)
      const budgets = RunOptions.budgetsOf(options, RunOptions.budgetsOfSettings(yield* Settings))
      const common = {
        budgets,
        ...RunOptions.changesOf(options),
        ...(options.yes ? { exclusionsMatch: true, approvedTools: ["*"] } : {}),
        ...(yield* RunOptions.foldersOf(options))
      }
      const user = yield* Effect.orElseSucceed(Config.string("USER"), () => "")
      const own = "workingFolders" in common ? Option.some(yield* cluster.Hosts.nameOf) : Option.none<string>()
      const loop = yield* AgentLoop
      const handed = lines.map((line) => {
        const named = line.mcp === undefined ? servers : Option.some<ServerChoice>({ _tag: "Named", names: line.mcp })
        const task: AgentTask = {
          task: line.task,
          servers: Option.getOrElse(named, (): ServerChoice => ({ _tag: "None" })),
          ...common,
          ...(line.model === undefined ? {} : { model: line.model })
        }
        const caller = line.caller ?? Option.getOrElse(options.caller, () => user)
        const submission = {
          caller,
          priority: line.priority ?? Option.getOrElse(options.priority, () => 0),
          host: Option.orElse(options.host, () => own)
        }
        return {
          task,
          as: <A, E, R>(self: Effect.Effect<A, E, R>) =>
            self.pipe(
              Effect.provideService(CurrentCaller, caller),
              Effect.provideService(cluster.CurrentSubmission, Option.some(submission))
            )
        }
      })
      const [only] = handed
      if (options.wait && handed.length === 1 && only !== undefined) {
        return yield* ShownRun.show(loop.run(only.task), options).pipe(only.as)
      }
      const runs = yield* Effect.forEach(
        handed,
        ({ as, task }) => Effect.tap(as(loop.begin(task)), (runId) => screen.out(runId)),
        { concurrency: 1 }
      )
      if (!options.wait) {
        return yield* screen.err(`${Words.count(runs.length, "run")} queued. \`lms-bridge runs ls\` lists them.`)
      }
      const { follow, read } = yield* RunJournal
      const codes = yield* Effect.forEach(
        runs,
        Effect.fnUntraced(function* (runId) {
          yield* Stream.runDrain(follow(runId))
          const account = Option.getOrUndefined(RunAccount.of(yield* read(runId)))
          const outcome = account === undefined ? undefined : RunAccount.outcome(account)
          const problem = outcome?.problem ?? account?.failure
          const status = outcome?.status ?? "failed"
          const told = problem === undefined ? "" : `: ${Words.oneLine(problem.message)}`
          yield* screen.err(`${runId} ${status}${told}`)
          return ofOutcome(problem === undefined ? { status } : { status, problem })
        }),
        { concurrency: "unbounded" }
      )
      const worst = codes.find((code) => code !== ExitCode.done)
      if (worst !== undefined) return yield* new Ended({ code: worst })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Line = Schema.Struct({
  task: Schema.String.pipe(Schema.minLength(1)),
  model: Schema.optional(Schema.String),
  mcp: Schema.optional(Schema.Array(Schema.String)),
  priority: Schema.optional(Schema.Int),
  caller: Schema.optional(Schema.String)
})

const decodeLine = Schema.decodeEither(Schema.parseJson(Line), { onExcessProperty: "error" })

const linesOf = Effect.fnUntraced(function* (text: string) {
  const isFile = text.endsWith(".jsonl")
  if (text !== "-" && !isFile) {
    if (text.trim() === "") return yield* new UsageError({ problem: "The task is empty." })
    return [{ task: text } satisfies typeof Line.Type]
  }
  const screen = yield* Screen
  const fs = yield* FileSystem.FileSystem
  const where = isFile ? text : "stdin"
  const whole = isFile
    ? yield* Effect.mapError(
        fs.readFileString(text),
        () => new UsageError({ problem: `The file ${text} cannot be read.` })
      )
    : Option.getOrElse(yield* screen.piped.all, () => "")
  const lines = whole.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line: line.trim(), index }]))
  if (lines.length === 0) return yield* new UsageError({ problem: `There is no task in ${where}.` })
  return yield* Effect.forEach(lines, ({ index, line }) => {
    if (!line.startsWith("{")) return Either.right<typeof Line.Type>({ task: line })
    return Either.mapLeft(
      decodeLine(line),
      (error) =>
        new UsageError({ problem: `Line ${index + 1} of ${where} is not a task: ${Words.oneLine(error.message, 200)}` })
    )
  })
})
