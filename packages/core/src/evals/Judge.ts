/** A model that decides whether a task is done: a run of its own, without tools, that answers yes or no by a schema. Pure. */
import * as Schema from "effect/Schema"
import type { AgentTask } from "../agent/AgentTask.ts"
import type { AgentOutcome } from "../agent/rules/AgentEvent.ts"
import { present } from "../schema/Fields.ts"
import type { JudgeCheck } from "./EvalTask.ts"

export const task = (
  { model, question }: JudgeCheck,
  asked: string,
  answer: string,
  files: ReadonlyArray<{ readonly name: string; readonly text: string }>
): AgentTask => ({
  task: `You judge the work of somebody else. ${question}

What was asked:
${asked}

What was answered:
${answer === "" ? "(nothing)" : answer}`,
  ...(files.length === 0 ? {} : { attachments: files.map((file) => ({ _tag: "Text" as const, ...file })) }),
  servers: { _tag: "None" },
  budgets: { rounds: 3, wallMillis: 300_000, toolCalls: 1 },
  temperature: 0,
  outputSchema: {
    type: "object",
    properties: {
      why: { type: "string", description: "The reason, in one sentence." },
      yes: { type: "boolean", description: "The decision." }
    },
    required: ["why", "yes"],
    additionalProperties: false
  },
  ...present({ model })
})

const decision = Schema.decodeUnknownOption(Schema.Struct({ yes: Schema.Boolean, why: Schema.String }))

/** None where the judge did not decide. */
export const decided = ({ structured }: AgentOutcome) => decision(structured)
