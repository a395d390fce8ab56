/**
 * `runs show`: shows one run, finished or not: its account, its transcript, or what each request contained and why.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { AgentEventJson, AgentOutcome, CallRecord, OpenCalls } from "@lms-bridge/core/AgentEvent"
import { AgentTask } from "@lms-bridge/core/AgentLoop"
import { RunAccount, RunExplanation, RunJournal, RunSummary, Transcript } from "@lms-bridge/core/RunJournal"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { UsageError } from "../../ExitCode.ts"
import * as Explained from "../../views/Explained.ts"
import * as KeptRun from "../../options/KeptRun.ts"
import * as RunEnding from "../../views/RunEnding.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("show", {
  id: KeptRun.id,
  transcript: Options.boolean("transcript").pipe(
    Options.withDescription("Print the transcript as Markdown; with --json, every event, one per line.")
  ),
  explain: Options.boolean("explain").pipe(Options.withDescription("Show what each request contained, and why.")),
  json: SharedOptions.json("Print the account as JSON.")
}).pipe(
  Command.withDescription("Show a run: its account, its transcript, or an explanation of each request."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ explain, id, json, transcript }) {
      if (explain && transcript) {
        return yield* new UsageError({ problem: "Give --transcript or --explain, not both." })
      }
      const screen = yield* Screen
      const run = yield* KeptRun.find(id)
      const { events } = run
      if (transcript) {
        if (!json) return yield* screen.out(Transcript.markdown(events).trimEnd())
        return yield* Effect.forEach(events, (event) => screen.out(encodeEvent(event)), { discard: true })
      }
      const explanation = Explained.explain(events)
      if (explain && explanation !== undefined) {
        return yield* screen.out(json ? encodeExplanation(explanation) : Explained.lines(explanation).join("\n"))
      }
      const account = yield* accountOf(run)
      yield* screen.out(json ? encode(account) : render(account))
      const lines = json ? [] : next(account, run.account)
      yield* Effect.forEach(lines, (line) => screen.err(Words.oneLine(line)), { discard: true })
    })
  )
)

export const Account = Schema.Struct({
  ...RunSummary.RunSummary.fields,
  given: AgentTask,
  toolCalls: Schema.Array(CallRecord),
  /** Where its model is, or was, if there were several hosts. */
  host: Schema.optionalWith(Schema.String, { exact: true }),
  /** Where it went on with another model, and why. */
  handedOver: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  outcome: Schema.optionalWith(AgentOutcome, { exact: true })
})
export type Account = typeof Account.Type

export const render = (account: Account): string => {
  const { handedOver = [], host, model, outcome, problem, rounds, runId, startedAt, status, task, toolCalls } = account
  const rows = [
    ["run", runId],
    ["task", Words.oneLine(task, 400)],
    ["status", status + (outcome?.budget === undefined ? "" : `, ended by its ${outcome.budget}`)],
    ["began", DateTime.formatIso(DateTime.unsafeMake(startedAt))],
    ["model", `${model ?? "none yet"}${host === undefined ? "" : ` on ${host}`}`],
    ...handedOver.map((text) => ["", text] as const),
    ["work", work(account, rounds)]
  ] as const
  const why = problem === undefined ? [] : [["problem", problem.message] as const]
  return [
    ...[...rows, ...why].map(([label, text]) => `${label.padEnd(labelWidth)}${Words.oneLine(text)}`),
    ...(toolCalls.length === 0 ? [] : ["", calls(toolCalls)]),
    ...(outcome === undefined || outcome.answer.trim() === "" ? [] : ["", outcome.answer])
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const labelWidth = 9

const accountOf = Effect.fnUntraced(function* ({ account, events }: KeptRun.KeptRun) {
  const { summary } = yield* Effect.orDie(RunSummary.ofEvents(events)) // `find` has checked its start
  const outcome = RunAccount.outcome(account)
  const handedOver = events.flatMap((event) => (event._tag === "ModelGivenUp" ? [event.text] : []))
  const idle = yield* Effect.either(Effect.flatMap(RunJournal, (journal) => journal.idle(events)))
  return {
    ...summary,
    status: Either.isRight(idle) ? summary.status : "running",
    given: account.state.task,
    toolCalls: [
      ...account.state.calls,
      ...(Either.isRight(idle) ? RunAccount.openCalls(account, account.state.lastAt) : [])
    ],
    ...(handedOver.length === 0 ? {} : { handedOver }),
    ...present({ outcome, host: account.state.ensured?.host })
  } satisfies Account
})

const work = ({ outcome, toolCalls }: Account, rounds: number) =>
  [
    Words.count(rounds, "round"),
    Words.count(toolCalls.length, "tool call"),
    ...(outcome === undefined
      ? []
      : [
          Words.duration(outcome.millis),
          `${outcome.usage.inputTokens} tokens read, ${outcome.usage.outputTokens} written`
        ])
  ].join(", ")

const calls = (records: ReadonlyArray<CallRecord>) =>
  Table.render(
    ["ROUND", "SERVER", "TOOL", "TOOK", ""],
    records.map(({ isError, millis, round, server, stopped, tool, uncertain }) => [
      String(round),
      server,
      tool,
      stopped === true || uncertain === true ? "" : Words.duration(millis),
      uncertain === true
        ? "stopped, uncertain whether it took effect"
        : stopped === true
          ? "stopped"
          : isError
            ? "failed"
            : ""
    ])
  )

/** How the run ended, and what can be done next. */
const next = ({ outcome, runId, status, toolCalls }: Account, run: RunAccount.RunAccount): ReadonlyArray<string> => {
  if (status === "running") return ["The run is still active."]
  const doubts = OpenCalls.doubts(toolCalls)
  if (status === "failed" && outcome === undefined) {
    return [
      ...doubts,
      `Once that is fixed, continue with: lms-bridge runs resume ${runId}`,
      "For another model or other servers, start a new run."
    ]
  }
  if (outcome === undefined) {
    return [...doubts, `The run was stopped before it finished. Continue with: lms-bridge runs resume ${runId}`]
  }
  const further = status === "done" ? [`Follow up with: lms-bridge runs follow ${runId} "TASK"`] : []
  return [...doubts, ...RunEnding.lines(run, outcome, { kept: true }), ...further]
}

const encode = Schema.encodeSync(Schema.parseJson(Account))
const encodeEvent = Schema.encodeSync(AgentEventJson)
const encodeExplanation = Schema.encodeSync(Schema.parseJson(RunExplanation.Explanation))
