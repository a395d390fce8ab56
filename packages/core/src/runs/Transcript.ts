/** A run as readable text: the task, what the model said, what it called and what came back, in order. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { fromJson } from "../json/ExactJson.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import * as NoteWords from "./NoteWords.ts"

/** Markdown. Text from tools, which may contain any markup, becomes an indented block. */
export const markdown = (events: ReadonlyArray<AgentEvent>): string => {
  const answers = new Set(events.flatMap((event) => (event._tag === "RunFinished" ? [event.outcome.answer] : [])))
  const parts = events.flatMap((event) => part(event, answers)).filter((text) => text.trim() !== "")
  return `${parts.join("\n\n")}\n`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** An answer appears only once, under its own heading. */
const part = (event: AgentEvent, answers: ReadonlySet<string>): ReadonlyArray<string> => {
  switch (event._tag) {
    case "RunStarted": {
      const { follows, task } = event.task
      return ["# Task", task, ...(follows === undefined ? [] : [said(`It continues ${follows.run}.`)])]
    }
    case "RunResumed":
      return [said("The run was resumed.")]
    case "RoundStarted":
      return [event.final ? "## Last round, without tools" : `## Round ${event.round}`]
    case "ModelReplied":
      return [
        ...(event.reply.reasoning.trim() === "" ? [] : ["Thought:", block(event.reply.reasoning)]),
        answers.has(event.reply.content) ? "" : event.reply.content
      ]
    case "ModelFailed":
      return [said(event.problem.message), event.partial]
    case "ToolCallStarted":
      return [`Called **${`${event.server} ${event.tool}`.trim()}** with:`, block(encode(event.arguments))]
    case "ToolCallFinished":
      return [
        `**${`${event.server} ${event.tool}`.trim()}** ${event.isError ? "failed" : "returned"} after ${Math.round(event.millis)} ms:`,
        block(event.told)
      ]
    case "ToolCallRefused":
      return [`**${event.name}** was not run:`, block(event.told)]
    case "ApprovalAnswered":
      return [said(event.approved ? "A person allowed the call." : "A person refused the call.")]
    case "Compacted":
      return [said(`${event.messages} earlier messages were replaced by a summary:`), block(event.summary)]
    case "Stalled":
      return event.step === "end"
        ? [said("The run went round in circles.")]
        : [said("told the model:"), block(event.text)]
    case "BudgetReached":
      return [said(`The budget of ${event.budget} was reached.`)]
    case "RunFinished":
      return [`# ${ends[event.outcome.status]}`, event.outcome.problem?.message ?? "", event.outcome.answer]
    case "RunFailed":
      return [`# ${ends.failed}`, event.problem.message]
    default: {
      const words = NoteWords.of(event)
      if (words === undefined) return []
      return words.toModel ? [said("told the model:"), block(words.text)] : [said(words.text)]
    }
  }
}

const ends = {
  done: "Answer",
  budget: "Ended by a budget; the best answer so far",
  stalled: "Ended because it went round in circles; the best answer so far",
  failed: "Failed",
  unfinished: "Stopped before it ended"
} as const

const said = (text: string) => `*lms-bridge: ${text}*`

const block = (text: string) =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `    ${line}`))
    .join("\n")

const encodeJson = Schema.encodeEither(fromJson(Schema.Unknown))

/** Arguments were parsed from JSON, so encoding cannot fail. */
const encode = (value: unknown) => Either.getOrElse(encodeJson(value), () => "")
