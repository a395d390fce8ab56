/**
 * The explanation of a run in words: which tools were offered and why, what each request contained, how far estimates
 * were off, and how much of the budgets is used.
 */
import type { AgentEvent, ContextAccount } from "@lms-bridge/core/AgentEvent"
import { RunExplanation } from "@lms-bridge/core/RunJournal"
import * as Words from "./Words.ts"

/** The explanation of these events; undefined if they do not begin with the start of a run. */
export const explain = (events: ReadonlyArray<AgentEvent>): RunExplanation.Explanation | undefined => {
  const [first] = events
  return first?._tag === "RunStarted" ? RunExplanation.explain(first, events.slice(1)) : undefined
}

export const lines = (explanation: RunExplanation.Explanation): ReadonlyArray<string> => [
  line(
    "explained",
    [
      explanation.runId,
      ...(explanation.model === undefined ? [] : [explanation.model]),
      explanation.contextLength === undefined
        ? "a context of unknown length: nothing is left out to make requests fit"
        : `${explanation.contextLength} tokens of context${missed(explanation.preferredContext)}`
    ].join(", ")
  ),
  ...(explanation.chosen === undefined ? [] : [line("model", `chosen because ${explanation.chosen}`)]),
  ...(explanation.servers.length === 0
    ? []
    : [
        line(
          "servers",
          explanation.servers.map(({ server, tools }) => `${server} (${Words.count(tools, "tool")})`).join(", ")
        )
      ]),
  ...(explanation.calls === undefined
    ? []
    : [line("calls", `${explanation.calls.form}: ${Words.oneLine(explanation.calls.why)}`)]),
  ...explanation.rounds.flatMap((round, index) => [
    ...explanation.offers
      .filter((offer) =>
        index === 0 ? offer.round === 0 : offer.round === (explanation.rounds[index - 1]?.round ?? 0)
      )
      .flatMap(offered),
    ...request(round, index === 0 ? 1 : (explanation.rounds[index - 1]?.factor ?? 1))
  ]),
  ...budgets(explanation)
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const line = (label: string, text: string) => `${label.padEnd(labelWidth)}${Words.oneLine(text)}`
const labelWidth = 11

/** The model was loaded before, and stays as it is. */
const missed = (preferred: number | undefined) =>
  preferred === undefined ? "" : `, as it was loaded; --context-length ${preferred} gets more`

const named = ({ name, rank }: RunExplanation.Offer["tools"][number]) => (rank === undefined ? name : `${rank} ${name}`)

const offered = ({
  embeddings,
  estimatedTokens,
  limits,
  next,
  tools,
  withheld
}: RunExplanation.Offer): ReadonlyArray<string> => {
  if (tools.length === 0) return [line("tools", "none")]
  const most =
    limits === undefined
      ? ""
      : `, at most ${limits.count}${limits.tokens === undefined ? "" : ` and ${limits.tokens} tokens of short definitions`}, ranked by ${embeddings === undefined ? "words" : `words and ${embeddings}`}`
  const what = `${tools.length} offered, about ${estimatedTokens} tokens in full${most}: ${tools.map(named).join(", ")}`
  return [
    line("tools", what),
    ...(withheld === 0
      ? []
      : [line("", `${withheld} not offered${next.length === 0 ? "" : `, next in rank ${next.map(named).join(", ")}`}`)])
  ]
}

const request = (round: RunExplanation.Round, before: number): ReadonlyArray<string> => [
  line(
    `round ${round.round}`,
    `${round.final ? "the last request, without tools; " : ""}${round.account === undefined ? "not measured" : held(round.account)}`
  ),
  ...(round.account?.measures ?? []).map((measure) => line("", `to make it fit: ${measure}`)),
  ...counted(round, before),
  ...(round.calls.length === 0 ? [] : [line("", `calls: ${round.calls.map(called).join(", ")}`)]),
  ...round.events.map((text) => line("", Words.oneLine(text, 300)))
]

const held = ({ free, history, reserve, system, tools }: ContextAccount) =>
  `${system} tokens of instructions, ${tools} of tools, ${history} of conversation, ${reserve} reserved for the reply, ${free < 0 ? `${-free} too many` : `${free} free`}`

const counted = (
  { counted, estimate, factor, written }: RunExplanation.Round,
  before: number
): ReadonlyArray<string> => {
  if (counted === undefined) return []
  const ours = estimate === undefined || estimate === 0 ? "" : ` (estimated ${estimate})`
  const from = factor === before ? "" : `; estimates are multiplied by ${factor.toFixed(2)} from here on`
  return [line("", `the server counted ${counted} tokens${ours}, and ${written ?? 0} written${from}`)]
}

const called = ({ name, what }: RunExplanation.Round["calls"][number]) => (what === "ran" ? name : `${name} (${what})`)

const budgets = ({ budgets, used }: RunExplanation.Explanation): ReadonlyArray<string> => [
  line(
    "budgets",
    [
      `${used.rounds} of ${Words.count(budgets.rounds, "round")}`,
      `${used.toolCalls} of ${Words.count(budgets.toolCalls, "tool call")}`,
      `${Words.duration(used.wallMillis)} of ${Words.duration(budgets.wallMillis)}`,
      `${used.tokens}${budgets.tokens === undefined ? "" : ` of ${budgets.tokens}`} tokens`,
      `${Words.bytes(used.resultBytes)}${budgets.resultBytes === undefined ? "" : ` of ${Words.bytes(budgets.resultBytes)}`} of results`
    ].join(", ")
  )
]
