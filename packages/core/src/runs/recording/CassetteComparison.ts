/** Compares a replayed run with the recorded one. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { fromJson } from "../../json/ExactJson.ts"
import type { AgentEvent, AgentOutcome } from "../../agent/rules/AgentEvent.ts"
import type { ApprovalRequest } from "../../agent/policy/Approval.ts"
import * as Builtins from "../../agent/tools/Builtins.ts"
import type { CassetteEntry } from "./Cassette.ts"
import type { Left, Tape } from "./CassetteReplay.ts"
import { fingerprint } from "../../agent/rules/StallGuard.ts"

/** Each difference is a sentence. */
export class ReplayDiffers extends Schema.TaggedError<ReplayDiffers>()("ReplayDiffers", {
  path: Schema.String,
  differences: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    return [`The run differs from the recording ${this.path}:`, ...this.differences].join("\n")
  }
}

/**
 * How a replayed run differs from the recorded one. Times are not compared. A recording that ended because its time was
 * over is complete when everything on it was requested, since time does not pass in a replay.
 */
export const differences = (
  entries: ReadonlyArray<CassetteEntry>,
  left: Left,
  events: ReadonlyArray<AgentEvent>
): ReadonlyArray<string> => {
  const recorded = entries.findLast((entry) => entry._tag === "Ended")
  const last = events.at(-1)
  const played = last?._tag === "RunFinished" ? last.outcome : undefined
  const ranOut = recorded?.outcome.budget === "wall-time" && left.replies === 0 && left.calls.length === 0
  return [
    ...additional(entries, events).map((call) => `It made a call that is not recorded: ${call}.`),
    ...left.calls.map((call) => `It did not make the recorded call ${shown(call)}.`),
    ...(left.replies === 0 ? [] : [`It did not request the last ${left.replies} of the recorded replies.`]),
    ...(recorded === undefined || played === undefined || ranOut ? [] : outcomes(recorded.outcome, played))
  ]
}

/** Whether the recording stops because the run was stopped, and was replayed up to there. */
export const isPlayedToItsStop = (entries: ReadonlyArray<CassetteEntry>, left: Left): boolean =>
  left.replies === 0 && left.calls.length === 0 && !entries.some(({ _tag }) => _tag === "Ended")

/** Approves the calls that are on the cassette. */
export const approver =
  (tape: typeof Tape.Service) =>
  (request: ApprovalRequest): Effect.Effect<boolean> =>
    Effect.map(tape.left, ({ calls }) => calls.some((call) => keyOf(call) === keyOf(request)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Call {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
}

const keyOf = ({ arguments: args, server, tool }: Call) => fingerprint(`${server} ${tool}`, args)

/** Calls of the run that are not on the cassette. */
const additional = (
  entries: ReadonlyArray<CassetteEntry>,
  events: ReadonlyArray<AgentEvent>
): ReadonlyArray<string> => {
  const recorded = entries.flatMap((entry) => (entry._tag === "Called" ? [keyOf(entry)] : []))
  return events.flatMap((event) => {
    if (event._tag !== "ToolCallStarted" || event.server === Builtins.serverName) return []
    const index = recorded.indexOf(keyOf(event))
    if (index === -1) return [shown(event)]
    recorded.splice(index, 1)
    return []
  })
}

const outcomes = (recorded: AgentOutcome, played: AgentOutcome): ReadonlyArray<string> => {
  const facts = ({ answer, budget, problem, rounds, status, structured }: AgentOutcome) => ({
    end: [status, ...(budget === undefined ? [] : [budget]), ...(problem === undefined ? [] : [problem.tag])].join(
      ", "
    ),
    rounds: String(rounds),
    answer: structured === undefined ? answer : json(structured)
  })
  const [before, now] = [facts(recorded), facts(played)]
  const differs = (name: string, then: string, here: string) =>
    then === here ? [] : [`Its ${name} was recorded as ${quoted(then)} and is ${quoted(here)}.`]
  return [
    ...differs("end", before.end, now.end),
    ...differs("number of rounds", before.rounds, now.rounds),
    ...differs("answer", before.answer, now.answer)
  ]
}

const encode = Schema.encodeEither(fromJson(Schema.Unknown))

const json = (value: unknown) => Either.getOrElse(encode(value), () => "")

const shown = (call: Call) => `${call.server} ${call.tool} ${shortened(json(call.arguments))}`

const quoted = (text: string) => `"${shortened(text)}"`

const shortened = (text: string) => (text.length > 200 ? `${text.slice(0, 199)}…` : text)
