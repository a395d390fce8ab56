/** What a run has shown of its model: a fold over its events that counts only what its account does not. Pure. */
import type { AgentEvent, AgentOutcome } from "../agent/rules/AgentEvent.ts"
import type { ToolForm } from "../agent/ToolForm.ts"
import { noTally, sum, type Tally } from "../registry/Evidence.ts"

export interface RunTally {
  /** The key of the model that answers; undefined until it is loaded. */
  readonly model: string | undefined
  /** The form of the run; undefined where its beginning was not seen. */
  readonly form: ToolForm | undefined
  /** The form in which the last calls came. */
  readonly cameIn: ToolForm | undefined
  readonly structured: boolean
  readonly open: Tally
  /** What was counted until the last end of the run; undefined while it has none. */
  readonly ended: Tally | undefined
}

export const initial: RunTally = {
  model: undefined,
  form: undefined,
  cameIn: undefined,
  structured: false,
  open: noTally,
  ended: undefined
}

export const step = (tally: RunTally, event: AgentEvent): RunTally => {
  const count = (more: Partial<Tally>): RunTally => ({ ...tally, open: sum(tally.open, { ...noTally, ...more }) })
  switch (event._tag) {
    case "RunStarted":
      return { ...tally, form: "native", cameIn: "native", structured: event.task.outputSchema !== undefined }
    case "RunResumed":
      return { ...tally, structured: event.task.outputSchema !== undefined }
    case "ModelReady":
      return { ...tally, model: event.ensured.model }
    case "ModelGivenUp":
      // what it did is not of the model that ends the run
      return { ...tally, open: noTally, form: "native", cameIn: "native" }
    case "ToolFormChosen":
      return { ...tally, form: event.form, cameIn: event.form }
    case "ModelReplied":
      return { ...tally, cameIn: event.inText === true ? "text" : tally.form }
    case "ToolCallStarted":
      return tally.cameIn === undefined ? tally : count({ [tally.cameIn]: { valid: 1, refused: 0 } })
    case "ToolCallRefused":
      // what a rule or a person refuses says nothing of the model
      return tally.cameIn !== undefined && (event.reason === "UnknownTool" || event.reason === "InvalidArguments")
        ? count({ [tally.cameIn]: { valid: 0, refused: 1 } })
        : tally
    case "AskedAgain":
      switch (event.why) {
        case "answer-not-valid":
          return count({ schemaMissed: 1 })
        case "call-in-text":
        case "empty":
        case "no-answer":
          return count({ falseEnds: 1 })
        case "cut":
          return tally
      }
    case "Stalled":
      return count({ stalls: 1 })
    case "RunFinished": {
      const ended = sum(tally.open, { ...noTally, ...ending(event.outcome, tally.structured), at: event.at })
      return { ...tally, open: noTally, ended: tally.ended === undefined ? ended : sum(tally.ended, ended) }
    }
    default:
      return tally
  }
}

/** Of the events of a run, or of a part of them. */
export const of = (events: ReadonlyArray<AgentEvent>): RunTally => events.reduce(step, initial)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ending = ({ answer, status, structured }: AgentOutcome, isStructured: boolean): Partial<Tally> => ({
  runs: 1,
  done: status === "done" ? 1 : 0,
  schemaMet: structured === undefined ? 0 : 1,
  // the answers that were asked for again are counted already
  schemaMissed: isStructured && structured === undefined && answer.trim() !== "" ? 1 : 0
})
