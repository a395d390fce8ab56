/** The tools that the suite's scenarios on tasks call. */
import { Elicit, type Form } from "#src/protocol/CallContext.ts"
import { text } from "#src/tools/Content.ts"
import type { Failure, Reply, Tool } from "#src/tools/Tool.ts"
import * as Tools from "#src/tools/Tool.ts"
import { Effect, Option } from "effect"

const tool = (
  name: string,
  long: boolean,
  call: (input: Readonly<Record<string, unknown>>) => Effect.Effect<Reply, Failure>
): Tool<never> => ({
  name,
  title: name,
  description: `Answers the conformance scenarios on tasks: ${name}.`,
  annotations: Tools.looks,
  long,
  inputSchema: { type: "object", properties: {} },
  outputSchema: undefined,
  call
})

const says = (words: string): Reply => ({ content: [text(words)] })

const ask = (message: string) =>
  Effect.flatMap(
    Elicit,
    Option.match({
      onNone: () => Effect.fail({ _tag: "NobodyToAsk", message: "The client cannot ask anybody." }),
      onSome: ({ ask }) =>
        Effect.map(
          ask({ message, requestedSchema: confirmation }),
          ({ action, content }) => `${action} ${JSON.stringify(content)}`
        )
    })
  )

const confirmation: Form["requestedSchema"] = {
  type: "object",
  properties: { confirm: { type: "boolean" } }
}

export const taskTools: ReadonlyArray<Tool<never>> = [
  tool("greet", false, ({ name }) => Effect.succeed(says(`Hello, ${String(name)}!`))),
  tool("slow_compute", true, ({ label, seconds }) =>
    Effect.delay(Effect.succeed(says(`Computed ${String(label)}.`)), `${Number(seconds)} seconds`)
  ),
  tool("failing_job", true, () =>
    Effect.delay(Effect.fail({ _tag: "JobFailed", message: "The job failed." }), "1 second")
  ),
  tool("protocol_error_job", true, () => Effect.interrupt),
  tool("confirm_delete", true, ({ filename }) =>
    Effect.map(ask(`Delete ${String(filename)}?`), (answer) => says(`Answered: ${answer}`))
  ),
  tool("multi_input", true, () =>
    Effect.map(Effect.all([ask("A first name?"), ask("And a second one?")], { concurrency: 2 }), (answers) =>
      says(answers.join(", "))
    )
  )
]
