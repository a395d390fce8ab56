/**
 * Shows a run: its events or its live view, then the answer, how it ended, and how to continue.
 */
import { type AgentEvent, AgentEventJson, type AgentOutcome } from "@lms-bridge/core/AgentEvent"
import { type AgentError, type Approval, type ApprovalRequest, CurrentApprover } from "@lms-bridge/core/AgentLoop"
import { isKept, RunAccount, RunJournal } from "@lms-bridge/core/RunJournal"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { fromJson } from "@lms-bridge/core/Json"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Approver from "../terminal/approval/Approver.ts"
import * as Markdown from "../terminal/Markdown.ts"
import * as Notification from "../terminal/Notification.ts"
import * as AtTerminal from "../terminal/AtTerminal.ts"
import { Ended, ExitCode, ofOutcome } from "../ExitCode.ts"
import * as Explained from "./Explained.ts"
import * as Palette from "./Palette.ts"
import * as RunEnding from "./RunEnding.ts"
import * as RunView from "./RunView.ts"
import { Screen } from "../terminal/Screen.ts"
import * as UnfinishedRun from "./UnfinishedRun.ts"
import * as Words from "./Words.ts"

/** Whether a run can be resumed later: a run with a stand-in is not kept. */
export class RunsAreKept extends Context.Reference<RunsAreKept>()("@lms-bridge/cli/RunsAreKept", {
  defaultValue: () => true
}) {}

export interface Options {
  readonly json: boolean
  /** After the run, explain what each request contained. */
  readonly explain: boolean
  /** Show the answer only when it is there as a whole. */
  readonly noStream?: boolean
  /** Show the answer as the model wrote it. */
  readonly noMarkdown?: boolean
  /** Notify the person at the end of a long run. */
  readonly notify?: boolean
  /** Show the thoughts of the model. */
  readonly thinking?: boolean
  /** Allow every call that would ask. */
  readonly yes?: boolean
  /** Of the life of the run only its calls and what went wrong: the person has seen the rest in the reply before. */
  readonly brief?: boolean
  /** Who is asked instead of the person at the terminal. */
  readonly approver?: (request: ApprovalRequest) => Effect.Effect<Approval>
  /** The events so far of a run that is resumed. */
  readonly past?: ReadonlyArray<AgentEvent>
}

/** Shows a run to its end. Fails with the exit code of an outcome that is not `done`. */
export const show = Effect.fn("ShownRun.show")(function* (
  events: Stream.Stream<AgentEvent, AgentError>,
  {
    approver,
    brief = false,
    explain,
    json,
    noMarkdown = false,
    noStream = false,
    notify = false,
    past = [],
    thinking = false,
    yes = false
  }: Options
) {
  const screen = yield* Screen
  const questions = yield* Queue.unbounded<void>()
  const account = yield* Ref.make(RunAccount.of(past))
  const atTerminal = yield* Approver.make({
    folders: Effect.map(
      Ref.get(account),
      Option.match({ onNone: () => [], onSome: ({ state }) => state.task.workingFolders ?? [] })
    ),
    // a question of a server is no event, so that the wait has an end, in the time of the terminal
    ready: Effect.withClock(Effect.timeoutOption(Queue.take(questions), "300 millis"), Clock.make())
  })
  const ask = Option.orElse(Option.fromNullable(yes ? grant : approver), () => atTerminal)
  const told = yield* Ref.make(Chunk.fromIterable(past))
  const watched = Stream.tap(events, (event) =>
    Effect.zipRight(
      Ref.update(account, (before) => accountAfter(before, event)),
      explain && isKept(event) ? Ref.update(told, Chunk.append(event)) : Effect.void
    )
  )
  const kept = (yield* RunsAreKept) && Option.isNone(yield* Effect.flatMap(RunJournal, ({ unkept }) => unkept))
  const flowed = yield* Ref.make(nothingFlowed)
  const markdown = screen.colors && !noMarkdown
  const began = yield* Clock.currentTimeMillis
  const flows = screen.stdoutIsTerminal && screen.stderrIsTerminal && !json
  const flowing = flows
    ? Stream.tap(watched, (event) => flow(screen, event, flowed, { answer: !noStream, markdown, thinking }))
    : watched
  const outcome = yield* (json ? writeEvents(watched, Ref.get(account)) : showView(flowing, brief, questions)).pipe(
    AtTerminal.attended,
    Effect.provideService(CurrentApprover, ask),
    Effect.onInterrupt(() =>
      !kept
        ? Effect.void
        : Effect.flatMap(Effect.flatten(Ref.get(account)), (run) => say(RunEnding.interrupted(run))).pipe(Effect.ignore)
    )
  )
  const answer = answerOf(outcome)
  const isShown = flows && answer.trim() === (yield* Ref.get(flowed)).text.trim()
  if (!json && outcome.answer !== "" && !isShown) {
    yield* flows && markdown && outcome.structured === undefined
      ? flowMarkdown(screen, `${answer}\n`, Markdown.initial)
      : screen.out(answer)
  }
  if (explain) yield* sayWhy(yield* Ref.get(told))
  if (notify && (yield* Clock.currentTimeMillis) - began >= Notification.least) {
    yield* Notification.send(
      `${outcome.status}: ${Option.match(yield* Ref.get(account), { onNone: () => "the run", onSome: ({ state }) => state.task.task })}`
    )
  }
  const run = yield* Ref.get(account)
  if (Option.isSome(run)) yield* say(RunEnding.lines(run.value, outcome, { kept }))
  const code = ofOutcome(outcome)
  if (code !== ExitCode.done) return yield* new Ended({ code })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Flowed {
  /** The words of the current reply on the screen. */
  readonly text: string
  readonly thinks: boolean
  readonly markdown: Markdown.State
  /** The answer is JSON, which is printed as a whole. */
  readonly structured: boolean
}

const nothingFlowed: Flowed = { text: "", thinks: false, markdown: Markdown.initial, structured: false }

/** The words of the current reply as they come. A reply that turns out to be no answer stays on the screen. */
const flow = (
  screen: Context.Tag.Service<typeof Screen>,
  event: AgentEvent,
  flowed: Ref.Ref<Flowed>,
  { answer, markdown, thinking }: { readonly answer: boolean; readonly markdown: boolean; readonly thinking: boolean }
): Effect.Effect<void> => {
  switch (event._tag) {
    case "RunStarted":
      return Ref.set(flowed, { ...nothingFlowed, structured: event.task.outputSchema !== undefined })
    case "RoundStarted":
      return Ref.update(flowed, (before) => ({ ...nothingFlowed, structured: before.structured }))
    case "TextDelta":
      return Effect.flatMap(Ref.get(flowed), (before) =>
        before.structured || !answer
          ? Effect.void
          : Effect.gen(function* () {
              if (before.thinks) yield* screen.flow("\n\n")
              const after = markdown
                ? yield* flowMarkdown(screen, event.text, before.markdown)
                : yield* Effect.as(screen.flow(event.text), before.markdown)
              yield* Ref.set(flowed, { ...before, text: before.text + event.text, thinks: false, markdown: after })
            })
      )
    case "ModelReplied":
      return Effect.flatMap(Ref.get(flowed), (before) =>
        Effect.zipRight(
          Ref.set(flowed, { ...before, markdown: Markdown.initial }),
          flowSegments(screen, Markdown.rest(before.markdown))
        )
      )
    case "ReasoningDelta":
      return thinking
        ? Effect.zipRight(
            Ref.update(flowed, (before) => ({ ...before, thinks: true })),
            screen.flow(event.text, "quiet")
          )
        : Effect.void
    default:
      return Effect.void
  }
}

const flowSegments = (screen: typeof Screen.Service, segments: ReadonlyArray<Markdown.Segment>) =>
  Effect.forEach(segments, ({ style, text }) => screen.flow(text, style), { discard: true })

const flowMarkdown = (screen: typeof Screen.Service, text: string, before: Markdown.State) => {
  const [after, segments] = Markdown.step(before, text)
  return Effect.as(flowSegments(screen, segments), after)
}

const say = (lines: ReadonlyArray<string>) =>
  Effect.flatMap(Screen, (screen) =>
    Effect.forEach(lines, (line) => screen.err(`lms-bridge: ${Words.oneLine(line)}`), { discard: true })
  )

const sayWhy = (events: Iterable<AgentEvent>) =>
  Effect.flatMap(Screen, (screen) => {
    const explanation = Explained.explain([...events])
    const lines = explanation === undefined ? [] : Explained.lines(explanation)
    return Effect.forEach(lines, (line) => screen.err(line), { discard: true })
  })

const encodeJson = Schema.encodeSync(fromJson(Schema.Unknown, 2))

/** An answer that had to be JSON is printed as that JSON, without the text around it. */
const answerOf = ({ answer, structured }: AgentOutcome) => (structured === undefined ? answer : encodeJson(structured))

const encode = Schema.encode(AgentEventJson)

const accountAfter = (before: Option.Option<RunAccount.RunAccount>, event: AgentEvent) =>
  Option.match(before, {
    onNone: () => RunAccount.of([event]),
    onSome: (account) => Option.some(RunAccount.step(account, event))
  })

const writeEvents = Effect.fnUntraced(function* (
  events: Stream.Stream<AgentEvent, AgentError>,
  soFar: Effect.Effect<Option.Option<RunAccount.RunAccount>>
) {
  const screen = yield* Screen
  // an event that cannot be encoded is a bug
  const write = (event: AgentEvent) => Effect.flatMap(Effect.orDie(encode(event)), screen.out)
  return yield* outcomeOf(Stream.tap(events, write)).pipe(
    Effect.onError((cause) =>
      Effect.gen(function* () {
        const last = UnfinishedRun.finish(yield* soFar, cause, yield* Clock.currentTimeMillis)
        if (Option.isSome(last)) yield* Effect.ignore(write(last.value))
      })
    )
  )
})

/** Tells `questions` of each one, when all that precedes it is on the screen. */
const showView = Effect.fnUntraced(function* (
  events: Stream.Stream<AgentEvent, AgentError>,
  brief: boolean,
  questions: Queue.Enqueue<void>
) {
  const screen = yield* Screen
  const style: RunView.Style = { palette: Palette.of(screen), width: screen.stderrIsTerminal ? screen.width : 400 }
  const state = yield* Ref.make(RunView.initial)

  const step = (event: AgentEvent) =>
    Effect.flatMap(
      Ref.modify(state, (current) => {
        const [next, lines] = RunView.step(current, event, style)
        return [brief && RunView.isFamiliar(event) ? [] : lines, next]
      }),
      Effect.forEach((line) => screen.err(line), { discard: true })
    ).pipe(Effect.zipRight(event._tag === "ApprovalAsked" ? Queue.offer(questions, undefined) : Effect.void))
  const pass = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.flatMap(Ref.get(state), (current) => screen.status(RunView.status(current, now, style)))
  )
  if (screen.stderrIsTerminal) yield* Effect.forkScoped(Effect.repeat(pass, Schedule.spaced("100 millis")))
  yield* Effect.addFinalizer(() => screen.status(""))
  return yield* outcomeOf(Stream.tap(events, step))
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

const grant = () => Effect.succeed(true)
