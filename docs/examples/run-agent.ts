/**
 * Runs a task from a program of your own: `npx tsc -b docs/examples`, then
 * `node docs/examples/dist/run-agent.js "List the files in the notes folder"`.
 *
 * LM Studio, the model and the MCP servers are those of the environment (see the README's table); the answer is printed.
 */
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import * as Bridge from "@lms-bridge/core/Bridge"
import * as NodeMain from "@lms-bridge/node/NodeMain"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const loop = yield* AgentLoop
  yield* loop
    .run({
      task: process.argv[2] ?? "List the files in the allowed folder and say what they are about.",
      servers: { _tag: "All" },
      budgets: { rounds: 20, wallMillis: 120_000, toolCalls: 50 }
    })
    .pipe(
      Stream.runForEach((event) => {
        switch (event._tag) {
          case "ToolCallStarted":
            return Console.error(`${event.name} ${JSON.stringify(event.arguments)}`)
          case "RunFinished":
            return Console.log(event.outcome.answer)
          default:
            return Effect.void
        }
      })
    )
})

// Effect's own logger writes to stdout, where the answer goes
const MainLayer = Bridge.layer.pipe(
  Layer.provide(NodePlatform.layer),
  Layer.merge(Logger.minimumLogLevel(LogLevel.Warning))
)

program.pipe(
  Effect.tapError((error) => Console.error(error.message)),
  Effect.provide(MainLayer),
  (main) => NodeMain.run(main, (exit) => (Exit.isSuccess(exit) ? 0 : 1))
)
