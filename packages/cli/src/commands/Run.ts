/**
 * `run`: hands a task to the model and shows what happens. The answer alone goes to stdout.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { AgentEventJson, type AgentEvent, type AgentOutcome } from "@lms-bridge/core/agent/AgentEvent"
import { AgentLoop, CurrentApprover, type AgentError, type ApprovalRequest } from "@lms-bridge/core/agent/AgentLoop"
import type { AgentTask, ServerChoice } from "@lms-bridge/core/agent/AgentTask"
import { Settings, table, type Values } from "@lms-bridge/core/configuration/Settings"
import { McpServerNotFound } from "@lms-bridge/core/mcp/McpError"
import { McpRegistry } from "@lms-bridge/core/mcp/McpRegistry"
import { nearest } from "@lms-bridge/core/mcp/NearestNames"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SharedOptions from "../SharedOptions.ts"
import { Ended, ExitCode, ofOutcome, UsageError } from "../ExitCode.ts"
import * as UnfinishedRun from "../UnfinishedRun.ts"
import * as Palette from "../Palette.ts"
import * as RunView from "../RunView.ts"
import { Screen } from "../Screen.ts"
import * as Words from "../Words.ts"

const task = Args.text({ name: "TASK" }).pipe(Args.withDescription("What the model is to do."))

const config = {
  task,
  mcp: Options.text("mcp").pipe(
    Options.withDescription(
      "An MCP server of your mcp.json whose tools the model may use; may be given several times."
    ),
    Options.withPseudoName("NAME"),
    Options.repeated
  ),
  allMcps: Options.boolean("all-mcps").pipe(Options.withDescription("All servers of your mcp.json that start.")),
  model: SharedOptions.model,
  maxRounds: SharedOptions.setting(
    "max-rounds",
    "N",
    table.maxRounds,
    `Most requests to the model; then it answers as it can. Without it ${table.maxRounds.variable} (${table.maxRounds.shown}).`
  ),
  timeout: SharedOptions.setting(
    "timeout",
    "DURATION",
    table.runTimeout,
    `Most time; then the model answers as it can. Without it ${table.runTimeout.variable} (${table.runTimeout.shown}).`
  ),
  json: SharedOptions.json("One event per line on stdout, the outcome last, instead of the answer."),
  standIn: SharedOptions.checked({
    name: "stand-in",
    pseudoName: "WHEN",
    description: "When a rule-based stand-in takes LM Studio's place: `never`, `auto` (when none answers) or `always`.",
    decode: Schema.decodeUnknownOption(Schema.Literal("never", "auto", "always")),
    allowed: "never, auto or always"
  }).pipe(Options.map(Option.getOrElse(() => "never" as const)))
}

export const command = Command.make("run", config).pipe(
  Command.withDescription("Hand a task to the local model, with the tools of MCP servers."),
  Command.withHandler(
    Effect.fnUntraced(function* (options) {
      const agentTask = yield* taskOf(options, yield* Settings)
      yield* checkNames(agentTask.servers)
      const events = (yield* AgentLoop).run(agentTask)
      const screen = yield* Screen
      const outcome = yield* (options.json ? writeEvents(events) : showRun(events)).pipe(
        Effect.provideService(CurrentApprover, Option.map(screen.ask, approver))
      )
      if (!options.json && outcome.answer !== "") yield* screen.out(outcome.answer)
      const ending = RunView.ending(outcome)
      if (ending !== undefined) yield* screen.err(`lms-bridge: ${Words.oneLine(ending)}`)
      const code = ofOutcome(outcome)
      if (code !== ExitCode.done) return yield* new Ended({ code })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface RunOptions {
  readonly task: string
  readonly mcp: ReadonlyArray<string>
  readonly allMcps: boolean
  readonly model: Option.Option<string>
  readonly maxRounds: Option.Option<number>
  readonly timeout: Option.Option<Duration.Duration>
}

const taskOf = Effect.fnUntraced(function* (options: RunOptions, settings: Values) {
  if (options.task.trim() === "")
    return yield* new UsageError({ problem: "The task is empty. Say what the model is to do." })
  if (options.allMcps && options.mcp.length > 0) {
    return yield* new UsageError({ problem: "Give --mcp NAME or --all-mcps, not both." })
  }
  const servers: ServerChoice = options.allMcps
    ? { _tag: "All" }
    : options.mcp.length === 0
      ? { _tag: "None" }
      : { _tag: "Named", names: [...new Set(options.mcp)] }
  const agentTask: AgentTask = {
    task: options.task,
    servers,
    ...(Option.isSome(options.model) ? { model: options.model.value } : {}),
    budgets: {
      rounds: Option.getOrElse(options.maxRounds, () => settings.maxRounds),
      wallMillis: Duration.toMillis(Option.getOrElse(options.timeout, () => settings.runTimeout)),
      toolCalls: settings.maxToolCalls
    }
  }
  return agentTask
})

/** A name that is not there is told at once, before LM Studio is asked for anything. */
const checkNames = Effect.fnUntraced(function* (servers: ServerChoice) {
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
    ...(path === undefined ? {} : { path })
  })
})

type Events = Stream.Stream<AgentEvent, AgentError>

const encode = Schema.encode(AgentEventJson)

const writeEvents = Effect.fnUntraced(function* (events: Events) {
  const screen = yield* Screen
  const soFar = yield* Ref.make(Option.none<UnfinishedRun.SoFar>())
  const write = (event: AgentEvent) =>
    Effect.zipRight(
      Ref.update(soFar, (before) => Option.some(UnfinishedRun.step(before, event))),
      // an event of ours that cannot be encoded is a bug
      Effect.flatMap(Effect.orDie(encode(event)), screen.out)
    )
  return yield* outcomeOf(Stream.tap(events, write)).pipe(
    Effect.onError((cause) =>
      Effect.gen(function* () {
        const last = UnfinishedRun.finish(yield* Ref.get(soFar), cause, yield* Clock.currentTimeMillis)
        if (Option.isSome(last)) yield* Effect.ignore(write(last.value))
      })
    )
  )
})

const showRun = Effect.fnUntraced(function* (events: Events) {
  const screen = yield* Screen
  const style: RunView.Style = { palette: Palette.of(screen), width: screen.stderrIsTerminal ? screen.width : 400 }
  const state = yield* Ref.make(RunView.initial)

  const show = (event: AgentEvent) =>
    Effect.flatMap(
      Ref.modify(state, (current) => {
        const [next, lines] = RunView.step(current, event, style)
        return [lines, next]
      }),
      Effect.forEach((line) => screen.err(line), { discard: true })
    )
  const pass = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.flatMap(Ref.get(state), (current) => screen.status(RunView.status(current, now, style)))
  )
  if (screen.stderrIsTerminal) yield* Effect.forkScoped(Effect.repeat(pass, Schedule.spaced("100 millis")))
  yield* Effect.addFinalizer(() => screen.status(""))
  return yield* outcomeOf(Stream.tap(events, show))
}, Effect.scoped)

const outcomeOf = <E>(events: Stream.Stream<AgentEvent, E>): Effect.Effect<AgentOutcome, E> =>
  Stream.runFold(events, Option.none<AgentOutcome>(), (last, event) =>
    event._tag === "RunFinished" ? Option.some(event.outcome) : last
  ).pipe(
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.dieMessage("The run ended without an outcome."),
        onSome: Effect.succeed
      })
    )
  )

/** Asks at the terminal before a call that the policy does not allow by itself. */
const approver =
  (ask: (question: string) => Effect.Effect<boolean>) =>
  ({ arguments: args, reason, server, tool }: ApprovalRequest) =>
    ask(`${server} ${tool} ${Words.json(args, 400)}\n  ${Words.oneLine(reason)} Allow it? [y/N]`)
