/**
 * Explains a run from its events alone: what each request contained and left out, which tools were offered and why, how
 * far off the estimates were, and what is left of the budgets.
 */
import * as Schema from "effect/Schema"
import { optional, present } from "../schema/Fields.ts"
import { ContextAccount, type AgentEvent } from "../agent/rules/AgentEvent.ts"
import { evolve } from "../agent/rules/Evolve.ts"
import { initial, type AgentState } from "../agent/rules/AgentState.ts"
import * as OpenCalls from "../agent/rules/OpenCalls.ts"
import * as NoteWords from "./NoteWords.ts"
import * as RunAccount from "./RunAccount.ts"
import { ToolForm } from "../agent/ToolForm.ts"
import { Budgets } from "../agent/AgentTask.ts"

/**
 * An offered tool. `rank` is its place, from 1, among all tools by how well they match the task; absent where all tools
 * were offered, or where it was not among the first.
 */
export const OfferedTool = Schema.Struct({ name: Schema.String, rank: optional(Schema.Positive) })

/**
 * Which tools the requests offered from then on. `round` is the one before the change, 0 at the start. `next` are the best
 * matches that were not offered. `embeddings` is the model that ranked them in addition to their words.
 */
export const Offer = Schema.Struct({
  round: Schema.NonNegativeInt,
  tools: Schema.Array(OfferedTool),
  withheld: Schema.NonNegativeInt,
  next: Schema.Array(OfferedTool),
  estimatedTokens: Schema.NonNegativeInt,
  limits: optional(Schema.Struct({ count: Schema.Int, tokens: optional(Schema.Int) })),
  embeddings: optional(Schema.String)
})
export type Offer = typeof Offer.Type

/**
 * One request. `estimate` is our estimate of its input tokens, `counted` the server's count, `written` the output tokens;
 * `factor` is the factor for estimates from then on. `events` says in words what else happened.
 */
export const Round = Schema.Struct({
  round: Schema.NonNegativeInt,
  final: Schema.Boolean,
  account: optional(ContextAccount),
  estimate: optional(Schema.NonNegativeInt),
  counted: optional(Schema.NonNegativeInt),
  written: optional(Schema.NonNegativeInt),
  factor: Schema.Positive,
  calls: Schema.Array(
    Schema.Struct({ name: Schema.String, what: Schema.Literal("ran", "failed", "refused", "unfinished") })
  ),
  events: Schema.Array(Schema.String)
})
export type Round = typeof Round.Type

/** `used` is in the units of the budgets: milliseconds of wall time, tokens, bytes. */
export const Explanation = Schema.Struct({
  runId: Schema.String,
  model: optional(Schema.String),
  /** Why this model, where the choice was left to us. */
  chosen: optional(Schema.String),
  contextLength: optional(Schema.NonNegativeInt),
  /** The context that runs prefer, where the model was already loaded with less. */
  preferredContext: optional(Schema.NonNegativeInt),
  servers: Schema.Array(Schema.Struct({ server: Schema.String, tools: Schema.NonNegativeInt })),
  /** How the model was told of its tools, and why; absent where nothing spoke for another form than native. */
  calls: optional(Schema.Struct({ form: ToolForm, why: Schema.String })),
  offers: Schema.Array(Offer),
  rounds: Schema.Array(Round),
  used: Schema.Struct({
    rounds: Schema.NonNegativeInt,
    wallMillis: Schema.NonNegative,
    toolCalls: Schema.NonNegativeInt,
    tokens: Schema.NonNegativeInt,
    resultBytes: Schema.NonNegativeInt
  }),
  budgets: Budgets
})
export type Explanation = typeof Explanation.Type

/** Explains a run so far. `events` begin with its `RunStarted`. */
export const explain = (
  started: Extract<AgentEvent, { readonly _tag: "RunStarted" }>,
  events: ReadonlyArray<AgentEvent>
): Explanation => {
  const { calls, offers, ready, rounds, state } = withOpen(
    events.reduce(step, { state: initial(started), offers: [], rounds: [], ranked: [], ready: [] })
  )
  return {
    runId: started.runId,
    ...(state.ensured === undefined ? {} : { model: state.ensured.model }),
    ...present({
      contextLength: state.contextLength,
      preferredContext: state.ensured?.preferredContext,
      chosen: state.ensured?.chosen
    }),
    servers: ready,
    ...present({ calls }),
    offers,
    rounds,
    used: RunAccount.used(state),
    budgets: state.task.budgets
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface SoFar {
  readonly state: AgentState
  readonly offers: ReadonlyArray<Offer>
  readonly rounds: ReadonlyArray<Round>
  /** The tools, or the first of them, by how well they match the task; empty where all were offered. */
  readonly ranked: ReadonlyArray<string>
  readonly ready: Explanation["servers"]
  readonly calls?: Explanation["calls"]
}

/** Adds the calls that have not ended. */
const withOpen = (soFar: SoFar): SoFar =>
  OpenCalls.of(soFar.state).reduce(
    (soFar, { tool }) =>
      inRound(soFar, (round) => ({ ...round, calls: [...round.calls, { name: tool, what: "unfinished" }] })),
    soFar
  )

const step = (before: SoFar, event: AgentEvent): SoFar => {
  const state = evolve(before.state, event)
  const next: SoFar = { ...before, state }
  switch (event._tag) {
    case "RunResumed":
      return { ...withOpen(before), state }
    case "ServersReady":
      return { ...next, ready: event.ready }
    case "ToolFormChosen":
      return { ...next, calls: { form: event.form, why: event.text } }
    case "ToolsOffered": {
      const ranked = event.choice?.ranked ?? before.ranked
      return { ...next, ranked, offers: [...before.offers, offerOf(event, ranked, state.rounds)] }
    }
    case "RoundStarted": {
      const { account, final, round } = event
      const estimate = account === undefined ? {} : { account, estimate: state.estimate }
      const begun: Round = { round, final, ...estimate, factor: state.tokenFactor, calls: [], events: [] }
      return { ...next, rounds: [...before.rounds, begun] }
    }
    case "ModelReplied": {
      const { usage } = event.reply
      const counts = usage === undefined ? {} : { counted: usage.inputTokens, written: usage.outputTokens }
      return inRound(next, (round) => ({ ...round, ...counts, factor: state.tokenFactor }))
    }
    case "ModelFailed":
      return inRound(said(next, event.problem.message), (round) => ({ ...round, factor: state.tokenFactor }))
    case "ToolCallFinished": {
      const call = { name: event.tool, what: event.isError ? "failed" : "ran" } as const
      return inRound(next, (round) => ({ ...round, calls: [...round.calls, call] }))
    }
    case "ToolCallRefused": {
      const call = { name: event.name, what: "refused" } as const
      return inRound(next, (round) => ({ ...round, calls: [...round.calls, call] }))
    }
    case "Compacted":
      return said(next, `${event.messages} earlier messages were replaced by a summary`)
    case "Stalled":
      return said(next, `went round in circles with ${event.tool}: ${stalls[event.step]}`)
    case "BudgetReached":
      return said(next, `the budget of ${event.budget} was reached`)
    default: {
      const words = NoteWords.line(event)
      return words === undefined ? next : said(next, words)
    }
  }
}

const stalls = {
  nudge: "the model was told",
  withhold: "the tool was taken away for two rounds",
  end: "the model was asked for its answer"
} as const

const inRound = (soFar: SoFar, change: (round: Round) => Round): SoFar => {
  const last = soFar.rounds.at(-1)
  return last === undefined ? soFar : { ...soFar, rounds: [...soFar.rounds.slice(0, -1), change(last)] }
}

/** What happens between two requests belongs to the earlier one. */
const said = (soFar: SoFar, text: string): SoFar =>
  inRound(soFar, (round) => ({ ...round, events: [...round.events, text] }))

const offerOf = (
  { choice, estimatedTokens, offered, withheld }: Extract<AgentEvent, { readonly _tag: "ToolsOffered" }>,
  ranked: ReadonlyArray<string>,
  round: number
): Offer => {
  const withRank = (name: string) => {
    const place = ranked.indexOf(name)
    return place === -1 ? { name } : { name, rank: place + 1 }
  }
  return {
    round,
    tools: offered.map(withRank),
    withheld,
    next: ranked
      .filter((name) => !offered.includes(name))
      .slice(0, mostNext)
      .map(withRank),
    estimatedTokens,
    ...(choice === undefined ? {} : { limits: choice.limits }),
    ...(choice?.embeddings === undefined ? {} : { embeddings: choice.embeddings })
  }
}

const mostNext = 5
