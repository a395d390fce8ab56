/**
 * Calls that were running when a run was stopped. Their outcome is unknown, and the account of the run says so.
 */
import type { CallRecord } from "./AgentEvent.ts"
import type { AgentState } from "./AgentState.ts"
import type { ToolTraits } from "../policy/ToolTraits.ts"
import { present } from "../../schema/Fields.ts"

export interface OpenCall {
  readonly callId: string
  readonly round: number
  readonly server: string
  readonly tool: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly traits?: ToolTraits
}

export const of = ({ rounds: round, turn }: AgentState): ReadonlyArray<OpenCall> =>
  turn._tag !== "Calling"
    ? []
    : turn.calls.flatMap(({ call, started, told }) => {
        if (started === undefined || told !== undefined) return []
        const { at, server, tool, traits } = started
        return [{ callId: call.id, round, server, tool, at, ...present({ traits }) }]
      })

/** Their records in the account of a run that was stopped at that time. */
export const records = (open: ReadonlyArray<OpenCall>, stoppedAt: number): ReadonlyArray<CallRecord> =>
  open.map(({ at, round, server, tool, traits }) => ({
    round,
    server,
    tool,
    isError: true,
    millis: Math.max(0, stoppedAt - at),
    stopped: true,
    // a call that may be repeated may still have taken effect
    ...(traits?.readOnly === true ? {} : { uncertain: true })
  }))

/** Whether a call may be repeated without asking. */
export const isHarmless = (traits: ToolTraits | undefined): boolean =>
  traits?.readOnly === true || traits?.idempotent === true

/** A sentence for a person about the calls with an unknown effect; empty when there are none. */
export const doubts = (records: ReadonlyArray<CallRecord>): ReadonlyArray<string> => {
  const tools = [...new Set(records.flatMap(({ tool, uncertain }) => (uncertain === true ? [tool] : [])))]
  return tools.length === 0
    ? []
    : [
        `It is not known whether this took effect, because it was running when the run was stopped: ${tools.join(", ")}.`
      ]
}
