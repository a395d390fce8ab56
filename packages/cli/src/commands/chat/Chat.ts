/**
 * `chat`: a conversation with the model. Each reply is a run that follows the one before, so it is kept, and its calls
 * are asked about, as those of any run.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { AgentLoop, type AgentError, type AgentTask, keptOf, type ServerChoice } from "@lms-bridge/core/AgentLoop"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Settings } from "@lms-bridge/core/Settings"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { isEnded } from "../../ExitCode.ts"
import * as Given from "../../options/Given.ts"
import * as KeptRun from "../../options/KeptRun.ts"
import * as PresetOptions from "../../options/PresetOptions.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import { LineEditor } from "../../terminal/LineEditor.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as ShownRun from "../../views/ShownRun.ts"
import * as Words from "../../views/Words.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { checkNames } from "../runs/Run.ts"
import * as ChatCommands from "./ChatCommands.ts"
import * as ChatLine from "./ChatLine.ts"
import * as Conversation from "./Conversation.ts"
import * as History from "./History.ts"

const { outputSchema: _schema, ...making } = RunOptions.making

const config = {
  ...making,
  ...PresetOptions.options,
  file: Given.options.file,
  ...RunOptions.limits,
  yes: RunOptions.showing.yes,
  noStream: RunOptions.showing.noStream,
  thinking: RunOptions.showing.thinking,
  follow: Options.text("continue").pipe(
    Options.withDescription("Go on with the conversation of this run: its id, the beginning of its id, or `last`."),
    Options.withPseudoName("ID"),
    Options.optional
  ),
  standIn: SharedOptions.standIn
}

export const command = Command.make("chat", config).pipe(
  Command.withDescription("Talk with the local model, reply by reply, with the tools of your MCP servers."),
  Command.withHandler((options) => chat(options))
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Said = Command.Command.ParseConfig<typeof config>

const chat = Effect.fnUntraced(function* (options: Said) {
  const editor = yield* LineEditor
  const screen = yield* Screen
  const history = yield* History.open
  const talk = yield* Ref.make(yield* beginning(options))
  const typed: Array<string> = [...history.lines]
  yield* screen.err("Say something, or /help. Ctrl-C stops a reply, Ctrl-D ends the chat.")
  for (;;) {
    const line = yield* editor.read({ prompt: "› ", history: typed, complete: ChatLine.completions })
    if (line._tag === "Closed") break
    if (line._tag === "Cancelled") {
      if (line.empty) yield* screen.err("Ctrl-D or /exit ends the chat.")
      continue
    }
    const read = ChatLine.read(line.text)
    if (read._tag !== "Nothing") {
      typed.push(line.text)
      yield* history.add(line.text)
    }
    switch (read._tag) {
      case "Nothing":
        continue
      case "Unknown":
        yield* screen.err(
          `There is no command /${Words.oneLine(read.word, 40)}.${read.nearest.map((name) => ` Did you mean /${name}?`).join("")} /help lists them.`
        )
        continue
      case "Say": {
        const before = yield* Ref.get(talk)
        const task = Conversation.nextTask(before, read.text)
        yield* reply(
          talk,
          read.text,
          options,
          Effect.as(checkNames(task), (loop) => loop.run(task))
        )
        continue
      }
      case "Do": {
        if (read.command === "exit") return yield* leave(talk)
        if (read.command === "resume") {
          const { run, turns } = yield* Ref.get(talk)
          const said = turns.at(-1)?.said ?? ""
          if (run === undefined || !Conversation.canResume(yield* Ref.get(talk))) {
            yield* screen.err("There is no reply that was stopped.")
          } else
            yield* reply(
              talk,
              said,
              options,
              Effect.succeed((loop) => loop.resume(run))
            )
          continue
        }
        const before = yield* Ref.get(talk)
        yield* ChatCommands.carriedOut(before, read.command, read.argument).pipe(
          Effect.flatMap((next) => Ref.set(talk, next)),
          Effect.catchAll(told)
        )
      }
    }
  }
  yield* leave(talk)
})

/** What the first reply begins with: the options, and the conversation of a kept run where one is named. */
const beginning = Effect.fnUntraced(function* (options: Said) {
  const past = yield* Effect.transposeMapOption(options.follow, KeptRun.find)
  const same = Option.match(past, {
    onNone: (): Partial<AgentTask> => ({}),
    onSome: ({ account }) => keptOf(account.state.task)
  })
  const servers = yield* RunOptions.serversOf(options)
  const model = Option.getOrUndefined(options.model) ?? same.model
  const attachments = yield* Effect.forEach(options.file, Given.attached)
  const task: AgentTask = {
    ...same,
    task: "-",
    servers: Option.getOrElse(servers, (): ServerChoice => same.servers ?? { _tag: "None" }),
    budgets: RunOptions.budgetsOf(options, RunOptions.budgetsOfSettings(yield* Settings)),
    ...RunOptions.changesOf({ ...options, outputSchema: Option.none() }),
    ...(yield* RunOptions.foldersOf(options)),
    ...(yield* RunOptions.contextOf(options, model)),
    ...(yield* Given.modelFor(attachments, model)),
    ...(attachments.length === 0 ? {} : { attachments })
  }
  yield* checkNames(task)
  // a name that is wrong is told before anything is typed
  if (task.model !== undefined) yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(task.model))
  const { task: _text, ...whole } = PresetOptions.isWanted(options) ? yield* PresetOptions.added(task, options) : task
  return Conversation.begin(whole, Option.getOrUndefined(Option.map(past, ({ runId }) => runId)))
})

type Loop = typeof AgentLoop.Service

/** Shows a reply to its end. Whatever ends it, the chat goes on. */
const reply = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  talk: Ref.Ref<Conversation.Conversation>,
  said: string,
  options: Said,
  start: Effect.Effect<(loop: Loop) => Stream.Stream<AgentEvent, AgentError>, E, R>
) {
  const screen = yield* Screen
  const editor = yield* LineEditor
  const loop = yield* AgentLoop
  const events: Array<AgentEvent> = []
  const { turns } = yield* Ref.get(talk)
  const shown = Effect.flatMap(start, (run) =>
    ShownRun.show(
      Stream.tap(run(loop), (event) => Effect.sync(() => void events.push(event))),
      { ...options, json: false, explain: false, brief: turns.length > 0 }
    )
  ).pipe(
    Effect.provideService(ShownRun.RunsAreKept, false),
    Effect.catchIf(isEnded, () => Effect.void)
  )
  const exit = yield* editor.stoppable(shown)
  yield* Ref.update(talk, (before) => Conversation.after(before, said, events))
  if (Exit.isSuccess(exit)) return
  if (Cause.isInterruptedOnly(exit.cause)) {
    const canResume = Conversation.canResume(yield* Ref.get(talk))
    return yield* screen.err(`Stopped.${canResume ? " /resume goes on; or say something else." : ""}`)
  }
  yield* Option.match(Cause.failureOption(exit.cause), { onNone: () => Effect.failCause(exit.cause), onSome: told })
})

const told = (failure: { readonly message: string }) =>
  Effect.flatMap(Screen, (screen) => screen.err(`lms-bridge: ${Words.oneLine(failure.message)}`))

const leave = (talk: Ref.Ref<Conversation.Conversation>) =>
  Effect.flatMap(Ref.get(talk), ({ run, turns }) =>
    run === undefined || turns.length === 0
      ? Effect.void
      : Effect.flatMap(Effect.all([Screen, ShownRun.RunsAreKept]), ([screen, kept]) =>
          kept ? screen.err(`Go on later with: lms-bridge chat --continue ${run}`) : Effect.void
        )
  )
